/** The one error of the package: a stable code, a message for people, and a cause. */

/**
 * Every code a {@link SigilError} can carry, in the order the core declares them.
 *
 * Codes are stable: a code is never renamed and never changes its meaning.
 */
export const SIGIL_ERROR_CODES = [
  /** An argument is outside what the call accepts; nothing was changed. */
  'invalid-input',
  /** The SQL text is wrong, or names something that does not exist. */
  'sql',
  /** A UNIQUE or PRIMARY KEY constraint refused the write. */
  'constraint-unique',
  /** A FOREIGN KEY constraint refused the write. */
  'constraint-foreign-key',
  /** A NOT NULL constraint refused the write. */
  'constraint-not-null',
  /** A CHECK constraint refused the write. */
  'constraint-check',
  /** Another constraint refused the write: a datatype of a STRICT table, a trigger's RAISE. */
  'constraint',
  /** The named thing does not exist. */
  'not-found',
  /** The thing exists already, or in another shape than the one asked for. */
  'conflict',
  /** The request is understood but refused on this host or by this engine. */
  'unsupported',
  /** The bytes are of a format newer than this version reads. */
  'newer-format',
  /** The file is not a database of this library or of SQLite. */
  'not-a-database',
  /** Stored bytes are damaged: a checksum, a length or a structure does not hold. */
  'corrupt',
  /** The disk or the host's quota is full. */
  'full',
  /** The storage may not be written. */
  'read-only',
  /** Another process, tab, Worker or handle holds the store. */
  'locked',
  /** This handle is in the middle of something else, such as a transaction. */
  'busy',
  /** A named limit of size or count was passed. */
  'limit',
  /** The host's storage failed in another way. */
  'storage',
  /** The operation was interrupted on request. */
  'interrupted',
  /** The operation ran into its time limit. */
  'timeout',
  /** An earlier failure left this handle unusable: open the store again. */
  'poisoned',
  /** The handle was closed. */
  'closed',
  /** The engine failed in a way that is its own fault. */
  'engine',
] as const;

/** One of {@link SIGIL_ERROR_CODES}. */
export type SigilErrorCode = (typeof SIGIL_ERROR_CODES)[number];

/**
 * What every failure of this package is thrown or rejected as.
 *
 * @example
 * try {
 *   await store.exec('INSERT INTO users (name) VALUES (?)', ['ada']);
 * } catch (error) {
 *   if (error instanceof SigilError && error.code === 'constraint-unique') {
 *     // that name is taken
 *   } else throw error;
 * }
 */
export class SigilError extends Error {
  /** What kind of failure this is, for code to match on. */
  readonly code: SigilErrorCode;

  constructor(code: SigilErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.code = code;
  }

  static {
    SigilError.prototype.name = 'SigilError';
  }
}

/** Whether `code` is one of {@link SIGIL_ERROR_CODES}. */
export function isSigilErrorCode(code: unknown): code is SigilErrorCode {
  return (SIGIL_ERROR_CODES as readonly unknown[]).includes(code);
}

const NODE_CODES: Readonly<Record<string, readonly [SigilErrorCode, string]>> = {
  ENOSPC: ['full', ': free some space and open the store again'],
  EDQUOT: ['full', ': free some space and open the store again'],
  EFBIG: ['full', ': free some space and open the store again'],
  EACCES: ['read-only', ': check the permissions of the data directory'],
  EPERM: ['read-only', ': check the permissions of the data directory'],
  EROFS: ['read-only', ': check the permissions of the data directory'],
  ENOENT: ['not-found', ''],
};

const DOM_CODES: Readonly<Record<string, readonly [SigilErrorCode, string]>> = {
  QuotaExceededError: ['full', ': free some of the space this site may use'],
  NoModificationAllowedError: ['locked', ': another tab or Worker has the file open'],
  NotAllowedError: ['unsupported', ': the browser refuses storage to this page'],
  SecurityError: ['unsupported', ': the browser refuses storage to this page'],
  NotFoundError: ['not-found', ''],
  VersionError: ['newer-format', ': a newer version of this package wrote the data'],
};

/**
 * What `cause`, thrown by the host's storage, means, with `what` was attempted said first.
 *
 * A {@link SigilError} is handed back as it is.
 */
export function hostError(what: string, cause: unknown): SigilError {
  if (cause instanceof SigilError) return cause;
  const { code, name, message } = (cause ?? {}) as { code?: unknown; name?: unknown; message?: unknown };
  const known =
    (typeof code === 'string' && Object.hasOwn(NODE_CODES, code) ? NODE_CODES[code] : undefined) ??
    (typeof name === 'string' && Object.hasOwn(DOM_CODES, name) ? DOM_CODES[name] : undefined);
  const [kind, advice] = known ?? ['storage', ''];
  const said = typeof message === 'string' && message !== '' ? message : String(name ?? cause);
  return new SigilError(kind, `${what}: ${said.replace(/\.$/, '')}${advice}`, { cause });
}
