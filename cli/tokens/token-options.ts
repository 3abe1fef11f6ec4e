import { InvalidArgumentError, type Command } from 'commander';

export interface TokenOptions {
  /** Seconds. */
  readonly ttl: number;
  readonly account: string;
  readonly audience: string;
  readonly issuer?: string;
  /** Folder of the private key and of the JWKS file. */
  readonly dir: string;
  readonly newKey: boolean;
  readonly json: boolean;
}

const LONGEST_S = 366 * 86_400;
const UNITS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400 };

function parseTtl(text: string): number {
  const [, count = '', unit = ''] = /^(\d{1,9})([smhd])$/.exec(text) ?? [];
  const seconds = Number(count) * (UNITS[unit] ?? NaN);
  if (!(seconds > 0 && seconds <= LONGEST_S)) throw new InvalidArgumentError('give it like 90s, 15m, 1h or 30d.');
  return seconds;
}

function parseAccount(text: string): string {
  if (!/^[A-Za-z0-9][A-Za-z0-9@:._-]{0,127}$/.test(text)) {
    throw new InvalidArgumentError('an account has letters, digits and @ : . _ -');
  }
  return text;
}

export function addTokenOptions(command: Command): Command {
  return command
    .option('--ttl <time>', 'how long it is good', parseTtl, 3600)
    .option('--account <name>', 'whom it is for', parseAccount, 'subscriber')
    .option('--audience <name>', 'TELLTALE_BROADCASTER_TOKEN_AUDIENCE', 'telltale-alerts')
    .option('--issuer <name>', 'TELLTALE_BROADCASTER_TOKEN_ISSUER')
    .option('--dir <folder>', 'where the keys are', '.telltale/tokens')
    .option(
      '--new-key',
      'sign with a new key; tokens of those before stay good while they are in the JWKS file',
      false,
    );
}
