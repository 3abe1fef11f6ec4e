import type { z } from 'zod';
import { accept, reject, type Result } from '../../../core/result.ts';
import { rejected, type Rejected } from '../outcome.ts';
import { parseJson } from '../parse-json.ts';

/** Reads the JSON of a request to the registry. */
export function parseRequestBody<T>(content: Uint8Array, schema: z.ZodType<T>): Result<T, Rejected> {
  const input = parseJson(content);
  if (input === undefined) {
    return reject(rejected('malformed-body', { detail: 'the content is not JSON in UTF-8 with each member once' }));
  }
  const parsed = schema.safeParse(input.json);
  if (parsed.success) return accept(parsed.data);
  const errors = parsed.error.issues.map(({ path, message }) => ({ pointer: pointerOf(path), detail: message }));
  return reject(rejected('schema-invalid', { errors }));
}

/** RFC 6901. */
function pointerOf(path: readonly PropertyKey[]): string {
  return path.map((name) => `/${String(name).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');
}
