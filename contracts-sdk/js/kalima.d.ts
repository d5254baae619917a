/**
 * The object `kalima` that a JavaScript contract finds, ABI version 1.
 *
 * An empty address ("") names the contract's own state. What the host does not allow ends
 * the call; nothing catches it. Text that is not UTF-8 reads as U+FFFD; the functions with
 * bytes give what was put.
 */
declare const kalima: Kalima;

/** What a call is about. */
interface KalimaEvent {
  readonly address: string;
  readonly key: string;
  /** The value as text; "" for a delete. */
  readonly value: string;
  /** The value as bytes. */
  readonly bytes: Uint8Array;
  readonly op: "put" | "delete";
  /** Position of the operation in its transaction. */
  readonly opIndex: number;
  /** Identity that signed the transaction, 64 hexadecimal digits. */
  readonly sender: string;
  /** The sender's name on chain. */
  readonly senderName: string;
  /** The sender's roles, sorted. */
  readonly roles: string[];
  /** Id of the transaction, 64 hexadecimal digits. */
  readonly txId: string;
  /** Name of the running contract. */
  readonly contract: string;
  /** Chain id, 64 hexadecimal digits. */
  readonly chain: string;
  /** Height of the block being built, or of the event's block. */
  readonly height: number;
  /** Time of that block: microseconds since the Unix epoch. */
  readonly time: number;
  /** Sequence the event has, or will have when accepted. */
  readonly sequence: number;
  readonly phase: "validate" | "react" | "query" | "migrate";
}

interface Kalima {
  /** What the call is about. */
  readonly event: KalimaEvent;

  /** Current value of a key, the call's own writes included; null when there is none. */
  get(address: string, key: string): string | null;
  getBytes(address: string, key: string): Uint8Array | null;

  /** Writes a value; an empty one deletes. Not in react and query. */
  put(address: string, key: string, value: string | Uint8Array): void;
  delete(address: string, key: string): void;

  /** First key of the address greater than after, in byte order; null at the end. Start with "". */
  next(address: string, after: string): string | null;

  /** Sends a put as a transaction of its own. React only. */
  submit(address: string, key: string, value: string | Uint8Array): void;

  /** Keeps a line for people; never part of the outcome. */
  log(message: string): void;

  /** Ends the call: the transaction is refused with this code and message. */
  reject(code: number, message: string): never;

  sha256(data: string | Uint8Array): Uint8Array;

  /** Whether the signature (64 bytes) of the message by the key (32 bytes) is valid. */
  ed25519Verify(key: Uint8Array, message: string | Uint8Array, signature: Uint8Array): boolean;

  /** n bytes, the same at every node and different in every call: no secret, no lottery. */
  random(n: number): Uint8Array;

  /** A byte field of the call: 1 address, 2 key, 3 value, 4 sender, 5 transaction id, 6 roles,
   *  7 contract, 8 chain, 9 the sender's name. */
  field(id: number): Uint8Array;

  /** A numeric field of the call: 1 height, 2 time, 3 sequence, 4 operation, 5 phase, 6 position. */
  number(id: number): number;

  /** UTF-8 to text, and text to UTF-8. */
  text(bytes: Uint8Array): string;
  bytes(text: string): Uint8Array;
}
