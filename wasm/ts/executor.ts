/** Statements, run by a store or by a transaction. */

import type { ExecResult, Executor, Row, SqlParams, Table, Vectors } from './api.js';
import type { WasmStore } from './bindings/glue.js';
import { checkText } from './check.js';
import { SigilError } from './error.js';
import { unpackObjects, unpackTable } from './rows.js';
import { StoreTexts } from './text.js';
import type { TextIndex, TextIndexes, TextIndexInfo, TextIndexOptions } from './text-api.js';
import { StoreVectors } from './vectors.js';

/** Runs calls on an open store, when it is their turn. */
export interface Runner {
  /** Runs `work`, and resolves when what it wrote is as durable as the caller may expect. */
  run<T>(work: (store: WasmStore) => T): Promise<T>;
  /** As {@link Runner.run} for several calls, which commit together or not at all. */
  runAll<T>(work: (run: <R>(step: (store: WasmStore) => R) => R) => T): Promise<T>;
}

/** {@link Executor} by a {@link Runner}. */
export class StoreExecutor implements Executor {
  readonly vectors: Vectors;
  readonly #runner: Runner;
  readonly #texts: TextIndexes;

  constructor(runner: Runner) {
    this.#runner = runner;
    this.#texts = new StoreTexts(runner);
    this.vectors = new StoreVectors(runner);
  }

  async exec(sql: string, params?: SqlParams): Promise<ExecResult> {
    checkText('the SQL text', sql);
    checkParams(params);
    return this.#runner.run((store) => {
      const changes = store.exec(sql, params);
      const rowid = store.lastInsertRowid();
      const number = Number(rowid);
      return { changes, lastInsertRowid: Number.isSafeInteger(number) ? number : rowid };
    });
  }

  async query<T extends object = Row>(sql: string, params?: SqlParams): Promise<T[]> {
    checkText('the SQL text', sql);
    checkParams(params);
    return unpackObjects(await this.#runner.run((store) => store.table(sql, params))) as T[];
  }

  async table(sql: string, params?: SqlParams): Promise<Table> {
    checkText('the SQL text', sql);
    checkParams(params);
    return unpackTable(await this.#runner.run((store) => store.table(sql, params)));
  }

  createTextIndex(name: string, options: TextIndexOptions): Promise<TextIndex> {
    return this.#texts.createTextIndex(name, options);
  }

  textIndex(name: string): Promise<TextIndex> {
    return this.#texts.textIndex(name);
  }

  textIndexes(): Promise<TextIndexInfo[]> {
    return this.#texts.textIndexes();
  }

  dropTextIndex(name: string): Promise<void> {
    return this.#texts.dropTextIndex(name);
  }
}

function checkParams(params: SqlParams | undefined): void {
  if (params === undefined || (typeof params === 'object' && params !== null)) return;
  throw new SigilError('invalid-input', 'the parameters of a statement are an array of values, or an object of named ones');
}
