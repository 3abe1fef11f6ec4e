import { pbkdf2Sync, randomBytes } from 'node:crypto';

/** An API key has more than 200 random bits: what slows down guessing passwords buys nothing here. */
const ITERATIONS = 101;
const SALT_BYTES = 12;
const HASH_BYTES = 64;

/** The form that Mosquitto 2 keeps passwords in: `$7$`, PBKDF2 with SHA-512. About 0.2 ms. */
export function hashForMosquitto(password: string): string {
  const salt = randomBytes(SALT_BYTES);
  const hash = pbkdf2Sync(password, salt, ITERATIONS, HASH_BYTES, 'sha512');
  return `$7$${ITERATIONS}$${salt.toString('base64')}$${hash.toString('base64')}`;
}
