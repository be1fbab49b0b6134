/** Times on their way into the core and out of it. */

import { invalid } from '../check.js';
import type { TimeInput } from './records.js';

const RFC_3339 = /^(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d):(\d\d)(?:\.\d+)?(?:[Zz]|[+-](\d\d):(\d\d))$/;

/** Whether `value` is of a type that times have. */
export function isTime(value: unknown): value is TimeInput {
  return typeof value === 'string' || value instanceof Date;
}

/** `value` as the core reads it. */
export function writeTime(what: string, value: TimeInput): string {
  if (typeof value === 'string') {
    if (!isRfc3339(value)) {
      throw invalid(`${what} is no time, parsing timestamp ${JSON.stringify(value.slice(0, 40))}: use RFC 3339, such as 2026-03-01T12:00:00Z`);
    }
    return value;
  }
  const ms = value.getTime();
  if (Number.isNaN(ms)) throw invalid(`${what} is an invalid Date`);
  const written = value.toISOString();
  // Other years have a sign and six digits.
  if (written.length !== 24) throw invalid(`${what} is outside the years 0000 to 9999`);
  return written;
}

/** Whether the core can read `value` but for what a time zone moves out of the years it has. */
function isRfc3339(value: string): boolean {
  const found = RFC_3339.exec(value);
  if (found === null) return false;
  const [year, month, day, hour, minute, second, offsetHour = 0, offsetMinute = 0] = found.slice(1).map((part) => Number(part ?? 0)) as [
    number, number, number, number, number, number, number?, number?,
  ];
  const inDay = hour <= 23 && minute <= 59 && second <= 60 && offsetHour <= 23 && offsetMinute <= 59;
  return inDay && month >= 1 && month <= 12 && day >= 1 && day <= daysIn(year, month);
}

function daysIn(year: number, month: number): number {
  const leap = (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0;
  return month === 2 ? (leap ? 29 : 28) : [4, 6, 9, 11].includes(month) ? 30 : 31;
}

/** The text of the core, which always has nine digits of a second, rounded down to milliseconds. */
export function readDate(value: string): Date {
  // A leap second, of which Date knows nothing, is the end of the second before it.
  if (value.startsWith('60', 17)) return new Date(`${value.slice(0, 17)}59.999Z`);
  return new Date(`${value.slice(0, 23)}Z`);
}
