/** What tests of typed stores share: times, messages, and lists read to their end. */

import type { Message, NewMessage, Store, Workspace } from 'sigil-store';

import { fresh, type Rule } from '../harness.js';
import type { StoreKind } from './store.js';

const T0 = Date.parse('2026-03-01T12:00:00Z');

/** A time so many seconds after the first. */
export function at(seconds: number): Date {
  return new Date(T0 + seconds * 1_000);
}

/** The same, as it comes back. */
export function iso(seconds: number): string {
  return at(seconds).toISOString().replace('Z', '000000Z');
}

export async function collect<T>(list: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of list) all.push(item);
  return all;
}

export function contents(list: readonly Pick<Message, 'content'>[]): string[] {
  return list.map(({ content }) => content);
}

/** A message to be stored. */
export const said = (sessionId: string, content: string, seconds = 0): NewMessage & { sessionId: string } => ({
  sessionId,
  role: 'user',
  content,
  createdAt: at(seconds),
});

/** Makes rules that are tested on a fresh workspace. */
export function workspaceRule(
  kind: StoreKind,
): (name: string, test: (workspace: Workspace, store: Store) => Promise<void>) => Rule {
  return (name, test) => ({
    name: `workspace ${kind.name}: ${name}`,
    run: async () => {
      const store = await kind.open(fresh('workspace'));
      try {
        await test(await store.workspace({ dimensions: 3 }), store);
      } finally {
        await store.close();
      }
    },
  });
}
