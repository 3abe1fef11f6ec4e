export interface ConnectionLimitSettings {
  /** Of this process. */
  readonly most: number;
  readonly mostPerAddress: number;
  readonly mostPerAccount: number;
}

export type ConnectionRefusal = 'too-many' | 'too-many-of-address';

/** How many connections there are, of everybody, of an address and of an account. */
export class ConnectionLimits {
  readonly #settings: ConnectionLimitSettings;
  readonly #ofAddress = new Map<string, number>();
  readonly #ofAccount = new Map<string, number>();
  #open = 0;

  constructor(settings: ConnectionLimitSettings) {
    this.#settings = settings;
  }

  get open(): number {
    return this.#open;
  }

  /** Undefined when the connection is let in, and counts from now on. */
  admit(address: string): ConnectionRefusal | undefined {
    const { most, mostPerAddress } = this.#settings;
    const ofAddress = this.#ofAddress.get(address) ?? 0;
    if (this.#open >= most) return 'too-many';
    if (ofAddress >= mostPerAddress) return 'too-many-of-address';
    this.#open += 1;
    this.#ofAddress.set(address, ofAddress + 1);
    return undefined;
  }

  release(address: string): void {
    this.#open -= 1;
    decrement(this.#ofAddress, address);
  }

  /** Whether the account may have one more, which counts from now on. */
  admitAccount(account: string): boolean {
    const count = this.#ofAccount.get(account) ?? 0;
    if (count >= this.#settings.mostPerAccount) return false;
    this.#ofAccount.set(account, count + 1);
    return true;
  }

  releaseAccount(account: string): void {
    decrement(this.#ofAccount, account);
  }
}

function decrement(counts: Map<string, number>, key: string): void {
  const count = counts.get(key) ?? 0;
  if (count <= 1) counts.delete(key);
  else counts.set(key, count - 1);
}
