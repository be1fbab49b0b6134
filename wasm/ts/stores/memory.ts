/** The stores of a workspace, by a {@link Caller}. */

import type { Metadata, Metric, VectorEntry } from '../api.js';
import { checkIds, checkText } from '../check.js';
import type { PackedWorkspace } from '../bindings/glue.js';
import { askCollection, Searches } from '../search.js';
import { StoreCollection } from '../vectors.js';
import type { Knowledge, MemoryVectors, Messages, Sessions, Summaries, WorkspaceStores } from './api.js';
import { type Caller, checkId } from './caller.js';
import { searchMemory } from './hybrid.js';
import type { MemoryHit, MemorySearch } from './hybrid-api.js';
import type {
  Entity,
  EntityQuery,
  Fact,
  FactQuery,
  Graph,
  Listing,
  Message,
  NewEntity,
  NewFact,
  NewMessage,
  NewRelationship,
  NewSession,
  NewSummary,
  Paging,
  Relationship,
  RelationshipQuery,
  Session,
  SessionQuery,
  Summary,
  Time,
  TimeRange,
  Traversal,
} from './records.js';
import { whole } from './shape.js';
import {
  entityQueryShape,
  entityShape,
  factQueryShape,
  factShape,
  graphShape,
  messageShape,
  pagedRangeShape,
  pagingShape,
  rangeShape,
  relationshipQueryShape,
  relationshipShape,
  sessionQueryShape,
  sessionShape,
  summaryShape,
  traversalShape,
} from './shapes.js';

/** How many messages an active window has when nobody says. */
const WINDOW = 50;

/** How many messages of a range an iteration reads at a time: the call itself has no limit by default. */
const RANGE_PAGE = 200;

/** {@link WorkspaceStores} by a {@link Caller}. */
export class CalledStores<T extends Time> implements WorkspaceStores<T> {
  readonly id: string;
  readonly sessions: Sessions<T>;
  readonly messages: Messages<T>;
  readonly summaries: Summaries<T>;
  readonly knowledge: Knowledge<T>;
  readonly vectors: MemoryVectors;
  readonly #caller: Caller;

  constructor(caller: Caller, opened: PackedWorkspace) {
    this.#caller = caller;
    this.id = opened.id;
    this.sessions = new CalledSessions<T>(caller);
    this.messages = new CalledMessages<T>(caller);
    this.summaries = new CalledSummaries<T>(caller);
    this.knowledge = new CalledKnowledge<T>(caller);
    this.vectors = new CalledVectors(caller, opened);
  }

  async search(search: MemorySearch): Promise<MemoryHit<T>[]> {
    return searchMemory(this.#caller, search);
  }
}

class CalledSessions<T extends Time> implements Sessions<T> {
  readonly #caller: Caller;

  constructor(caller: Caller) {
    this.#caller = caller;
  }

  async create(session: NewSession): Promise<Session<T>> {
    return this.#caller.create(sessionShape, 'sessions.create', session);
  }

  async get(id: string): Promise<Session<T>> {
    return this.#caller.one(sessionShape, 'sessions.get', checkId(id));
  }

  async update(session: Session<Time>): Promise<Session<T>> {
    return this.#caller.one(sessionShape, 'sessions.update', sessionShape.write(sessionShape.what, session));
  }

  list(query: SessionQuery = {}): Listing<Session<T>> {
    return this.#caller.list(sessionShape, () => sessionQueryShape.write('the query', query), 'sessions.list', () => []);
  }

  async delete(id: string): Promise<void> {
    return this.#caller.call('sessions.delete', checkId(id));
  }

  async append(id: string, message: NewMessage): Promise<Message<T>> {
    checkId(id);
    return this.#caller.append('sessions.append', isObject(message) ? { ...message, sessionId: id } : message);
  }

  async activeWindow(id: string, n = WINDOW): Promise<Message<T>[]> {
    return this.#caller.many(messageShape, 'sessions.activeWindow', checkId(id), whole.write('the number of messages', n));
  }

  history(id: string, paging: Paging = {}): Listing<Message<T>> {
    return this.#caller.list(messageShape, () => pagingShape.write('the paging', paging), 'sessions.history', () => [checkId(id)]);
  }
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

class CalledMessages<T extends Time> implements Messages<T> {
  readonly #caller: Caller;

  constructor(caller: Caller) {
    this.#caller = caller;
  }

  async append(message: NewMessage & { sessionId: string }): Promise<Message<T>> {
    return this.#caller.append('messages.append', message);
  }

  async appendMany(messages: Iterable<NewMessage & { sessionId: string }>): Promise<Message<T>[]> {
    return this.#caller.appendMany('messages.appendMany', messages);
  }

  async get(id: string): Promise<Message<T>> {
    return this.#caller.one(messageShape, 'messages.get', checkId(id));
  }

  search(phrase: string, paging: Paging = {}): Listing<Message<T>> {
    const words = (): unknown[] => [checkText('the phrase', phrase)];
    return this.#caller.list(messageShape, () => pagingShape.write('the paging', paging), 'messages.search', words);
  }

  range(range: TimeRange & Paging = {}): Listing<Message<T>> {
    const query = (): Record<string, unknown> => pagedRangeShape.write('the range', range);
    const ends = (): unknown[] => {
      const { from, to } = query();
      return [{ from, to }];
    };
    return this.#caller.list(messageShape, query, 'messages.range', ends, RANGE_PAGE);
  }

  async oldest(n: number): Promise<Message<T>[]> {
    return this.#caller.many(messageShape, 'messages.oldest', whole.write('the number of messages', n));
  }

  async count(): Promise<number> {
    return this.#caller.call('messages.count');
  }

  async delete(ids: Iterable<string>): Promise<number> {
    return this.#caller.call('messages.delete', checkIds('the ids', ids));
  }

  async trim(keep: number): Promise<number> {
    return this.#caller.call('messages.trim', whole.write('the number of messages to keep', keep));
  }
}

class CalledSummaries<T extends Time> implements Summaries<T> {
  readonly #caller: Caller;

  constructor(caller: Caller) {
    this.#caller = caller;
  }

  async store(summary: NewSummary): Promise<Summary<T>> {
    return this.#caller.create(summaryShape, 'summaries.store', summary);
  }

  async get(id: string): Promise<Summary<T>> {
    return this.#caller.one(summaryShape, 'summaries.get', checkId(id));
  }

  async confirm(id: string): Promise<void> {
    return this.#caller.call('summaries.confirm', checkId(id));
  }

  async delete(id: string): Promise<boolean> {
    return this.#caller.call('summaries.delete', checkId(id));
  }

  async range(range: TimeRange = {}): Promise<Summary<T>[]> {
    return this.#caller.many(summaryShape, 'summaries.range', rangeShape.write('the range', range));
  }

  async latest(n: number): Promise<Summary<T>[]> {
    return this.#caller.many(summaryShape, 'summaries.latest', whole.write('the number of summaries', n));
  }

  async pending(): Promise<Summary<T>[]> {
    return this.#caller.many(summaryShape, 'summaries.pending');
  }
}

class CalledKnowledge<T extends Time> implements Knowledge<T> {
  readonly #caller: Caller;

  constructor(caller: Caller) {
    this.#caller = caller;
  }

  async putEntity(entity: NewEntity): Promise<Entity<T>> {
    const [stored] = await this.#caller.createMany<Entity<T>>(entityShape, 'knowledge.putEntities', [entity]);
    return stored as Entity<T>;
  }

  async putEntities(entities: Iterable<NewEntity>): Promise<Entity<T>[]> {
    return this.#caller.createMany(entityShape, 'knowledge.putEntities', entities);
  }

  async entity(id: string): Promise<Entity<T>> {
    return this.#caller.one(entityShape, 'knowledge.entity', checkId(id));
  }

  findEntities(query: EntityQuery = {}): Listing<Entity<T>> {
    return this.#caller.list(entityShape, () => entityQueryShape.write('the query', query), 'knowledge.findEntities', () => []);
  }

  async deleteEntities(ids: Iterable<string>): Promise<number> {
    return this.#caller.call('knowledge.deleteEntities', checkIds('the ids', ids));
  }

  async putRelationship(relationship: NewRelationship): Promise<Relationship<T>> {
    const [stored] = await this.#caller.createMany<Relationship<T>>(relationshipShape, 'knowledge.putRelationships', [relationship]);
    return stored as Relationship<T>;
  }

  async putRelationships(relationships: Iterable<NewRelationship>): Promise<Relationship<T>[]> {
    return this.#caller.createMany(relationshipShape, 'knowledge.putRelationships', relationships);
  }

  relationships(entityId: string, query: RelationshipQuery = {}): Listing<Relationship<T>> {
    const checked = (): Record<string, unknown> => relationshipQueryShape.write('the query', query);
    return this.#caller.list(relationshipShape, checked, 'knowledge.relationships', () => [checkId(entityId)]);
  }

  async deleteRelationships(ids: Iterable<string>): Promise<number> {
    return this.#caller.call('knowledge.deleteRelationships', checkIds('the ids', ids));
  }

  async putFact(fact: NewFact): Promise<Fact<T>> {
    const [stored] = await this.#caller.createMany<Fact<T>>(factShape, 'knowledge.putFacts', [fact]);
    return stored as Fact<T>;
  }

  async putFacts(facts: Iterable<NewFact>): Promise<Fact<T>[]> {
    return this.#caller.createMany(factShape, 'knowledge.putFacts', facts);
  }

  findFacts(query: FactQuery = {}): Listing<Fact<T>> {
    return this.#caller.list(factShape, () => factQueryShape.write('the query', query), 'knowledge.findFacts', () => []);
  }

  async deleteFactsBySource(source: string): Promise<number> {
    return this.#caller.call('knowledge.deleteFactsBySource', checkText('the source', source));
  }

  async deleteFacts(ids: Iterable<string>): Promise<number> {
    return this.#caller.call('knowledge.deleteFacts', checkIds('the ids', ids));
  }

  async traverse(start: string, traversal: Traversal = {}): Promise<Graph<T>> {
    return this.#caller.one(graphShape, 'knowledge.traverse', checkId(start), traversalShape.write('the traversal', traversal));
  }
}

class CalledVectors extends Searches implements MemoryVectors {
  readonly metric: Metric;
  readonly #caller: Caller;
  readonly #collection: StoreCollection;

  constructor(caller: Caller, { collection: name, dimensions, metric }: PackedWorkspace) {
    super(dimensions, askCollection(caller.runner, name));
    this.metric = metric as Metric;
    this.#caller = caller;
    this.#collection = new StoreCollection(caller.runner, { name, dimensions, metric, precision: 'f32', resident: 'f32' });
  }

  async store(id: string, vector: Float32Array | readonly number[], metadata?: Metadata): Promise<void> {
    return this.#collection.store(id, vector, metadata);
  }

  async storeMany(entries: Iterable<{ id: string; vector: Float32Array | readonly number[]; metadata?: Metadata }>): Promise<void> {
    return this.#collection.storeMany(entries);
  }

  async get(id: string): Promise<VectorEntry | undefined> {
    return this.#collection.get(id);
  }

  async delete(ids: Iterable<string>): Promise<number> {
    return this.#caller.call('vectors.delete', checkIds('the ids', ids));
  }

  async count(): Promise<number> {
    return this.#caller.call('vectors.count');
  }
}
