import { PGlite, type ExecProtocolOptionsStream } from '@electric-sql/pglite';

/** Frontend messages that begin or continue an extended query: Parse, Bind, Describe, Execute, Close, Flush. */
const EXTENDED_QUERY = new Set(Array.from('PBDECH', (type) => type.charCodeAt(0)));
/** Frontend messages that end it: Sync, and Query, which comes alone. */
const END_OF_QUERY = new Set(Array.from('SQ', (type) => type.charCodeAt(0)));

/**
 * PGlite behind its socket server. The server lets the other connections in between two messages unless a transaction
 * is open, and the unnamed statement is one for all connections: a Bind that arrives in several chunks would be bound to
 * the statement of another connection. An extended query therefore counts as a transaction until its Sync.
 */
export class EmbeddedDatabase extends PGlite {
  #queryIsOpen = false;

  override async execProtocolRawStream(message: Uint8Array, options: ExecProtocolOptionsStream): Promise<void> {
    const type = message[0];
    if (type !== undefined && EXTENDED_QUERY.has(type)) this.#queryIsOpen = true;
    if (type !== undefined && END_OF_QUERY.has(type)) this.#queryIsOpen = false;
    await super.execProtocolRawStream(message, options);
  }

  override isInTransaction(): boolean {
    // A connection may end after the database: the server still asks.
    if (this.closed) return false;
    return this.#queryIsOpen || super.isInTransaction();
  }
}
