import { isUtf8 } from 'node:buffer';
import { hasDuplicateMember } from '../../core/telemetry/json-members.ts';

/** Undefined for what is not JSON in UTF-8 with each member once. */
export function parseJson(content: Uint8Array): { readonly json: unknown } | undefined {
  if (!isUtf8(content)) return undefined;
  const text = Buffer.from(content.buffer, content.byteOffset, content.byteLength).toString('utf8');
  try {
    const json: unknown = JSON.parse(text);
    return hasDuplicateMember(text) ? undefined : { json };
  } catch {
    return undefined;
  }
}
