import { pino, type DestinationStream, type Logger } from 'pino';
import { describeError } from './describe-error.ts';

export type { Logger };

export type LogLevel = 'fatal' | 'error' | 'warn' | 'info' | 'debug' | 'trace' | 'silent';

/** Members that nobody may log, wherever they stand. */
const SECRET = [
  'apiKey',
  'api_key',
  'authorization',
  'cookie',
  'headers',
  'password',
  'privateKey',
  'private_key',
  'secret',
  'signature',
  'token',
];

/**
 * JSON lines on standard output. Records hold ids and codes; never keys, signatures or payloads. Of an error its kind, message,
 * code and stack are written and nothing that a library has hung on it; what is named like a secret is written as `[redacted]`.
 */
export function createLogger(service: string, level: LogLevel, destination?: DestinationStream): Logger {
  const options = {
    level,
    base: { service },
    timestamp: pino.stdTimeFunctions.isoTime,
    serializers: { err: describeError },
    redact: { paths: SECRET.flatMap((name) => [name, `*.${name}`]), censor: '[redacted]' },
  };
  return destination === undefined ? pino(options) : pino(options, destination);
}
