/** What tests of typed stores share: times, messages, and lists read to their end. */

import type { Message, NewMessage } from 'sigil-store';

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
