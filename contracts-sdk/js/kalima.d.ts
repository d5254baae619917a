/**
 * The object `kalima` that a JavaScript contract finds, ABI version 1.
 *
 * An empty address ("") names the contract's own state. What the host does not allow ends
 * the call; nothing catches it. Text that is not UTF-8 reads as U+FFFD; the functions with
 * bytes give what was put.
 */
declare const kalima: Kalima;

/** An entry rejects with a whole number other than 0. */
type KalimaOutcome = number | null | void;

/** An answer of another server. */
interface KalimaResponse {
  readonly status: number;
  /** The body as text, and as bytes. */
  readonly body: string;
  readonly bytes: Uint8Array;
}

/** Which entries scan gives: keys greater than after and less than before, at most limit (256). */
interface KalimaRange {
  after?: string;
  before?: string;
  limit?: number;
}

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
  /** Time the sender gave, microseconds since the Unix epoch; 0 when it gave none. */
  readonly at: number;
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

  /** get for up to 64 pairs of address and key, at the price of one round trip. */
  getMany(keys: readonly (readonly [address: string, key: string])[]): (string | null)[];
  getManyBytes(keys: readonly (readonly [address: string, key: string])[]): (Uint8Array | null)[];

  /** First key of the address greater than after, in byte order; null at the end. Start with "". */
  next(address: string, after?: string): string | null;

  /** Entries of the address in byte order of their keys. To go on, scan after the last key; an
   *  empty array is the end. */
  scan(address: string, range?: KalimaRange): [key: string, value: string][];
  scanBytes(address: string, range?: KalimaRange): [key: string, value: Uint8Array][];

  /** Writes a value; an empty one deletes. Not in react and query. */
  put(address: string, key: string, value: string | Uint8Array): void;
  delete(address: string, key: string): void;

  /** Makes an event of the contract's own. Validate and migrate only. */
  emit(topic: string, data: string | Uint8Array): void;

  /** Sends a put as a transaction of its own. React only. */
  submit(address: string, key: string, value: string | Uint8Array): void;

  /** Asks another contract's query entry; null when there is no such contract, or it rejects. */
  query(contract: string, key: string, argument?: string | Uint8Array): string | null;
  queryBytes(contract: string, key: string, argument?: string | Uint8Array): Uint8Array | null;

  /** Answers a query, once. Returning the answer from query does the same. */
  reply(answer: string | Uint8Array): void;

  /** Sends a request to a server that was granted. React only; null when there is no answer. */
  http(method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE", url: string, body?: string | Uint8Array | null): KalimaResponse | null;

  /** This node's clock, microseconds since the Unix epoch. React only, when it was granted. */
  clock(): number;

  /** Keeps a line for people; never part of the outcome. */
  log(message: string): void;

  /** Ends the call: the transaction is refused with this code and message. */
  reject(code: number, message?: string): never;

  sha256(data: string | Uint8Array): Uint8Array;

  /** Whether the signature (64 bytes) of the message by the key (32 bytes) is valid. */
  ed25519Verify(key: Uint8Array, message: string | Uint8Array, signature: string | Uint8Array): boolean;

  /** n bytes, the same at every node and different in every call: no secret, no lottery. */
  random(n: number): Uint8Array;

  /** A byte field of the call: 1 address, 2 key, 3 value, 4 sender, 5 transaction id, 6 roles,
   *  7 contract, 8 chain, 9 the sender's name. */
  field(id: number): Uint8Array;

  /** A numeric field of the call: 1 height, 2 time, 3 sequence, 4 operation, 5 phase, 6 position,
   *  7 the sender's time. */
  number(id: number): number;

  /** UTF-8 to text, and text to UTF-8. */
  text(bytes: Uint8Array): string;
  bytes(text: string): Uint8Array;
}
