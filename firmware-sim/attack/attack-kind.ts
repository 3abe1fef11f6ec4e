/** What an attacker tries, from its own address, with a reserved device of the fleet whose API key and keys it may know. */
export const ATTACK_KINDS = [
  /** Sends again what a victim sent and had acknowledged. */
  'replay',
  /** Knows the API key and not the signing key. */
  'bad-signature',
  /** Everything right, but signed longer ago than any envelope may be held. */
  'stale',
  /** A good signature under an API key that nobody has issued. */
  'unknown-key',
  /** A device that sends far more than it may. */
  'flood',
  /** Announces more content than a request may have. */
  'oversize',
  /** What is no telemetry, in every way that has an answer of its own. */
  'garbage',
] as const;
export type AttackKind = (typeof ATTACK_KINDS)[number];

/** `mix`: all kinds beside each other. */
export const ATTACK_CHOICES = ['none', 'mix', ...ATTACK_KINDS] as const;
export type AttackChoice = (typeof ATTACK_CHOICES)[number];
