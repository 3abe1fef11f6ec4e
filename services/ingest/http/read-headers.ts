import type { HttpRequest } from '../../../platform/http/uws.ts';
import { MAX_HEADER_BYTES } from '../../../contracts/http-signature.ts';
import type { ProblemCode } from '../../../contracts/problem.ts';
import { accept, reject, type Result } from '../../../core/result.ts';

export interface RequestHeaders {
  readonly apiKey: string;
  readonly contentType: string;
  readonly contentLength: number | undefined;
  readonly signatureInput: string;
  readonly signature: string;
  readonly contentDigest: string;
  /** All of them, in order, with commas between. */
  readonly forwardedFor: string;
}

export type HeadersResult = Result<RequestHeaders, { readonly code: ProblemCode; readonly detail: string }>;

/** Two of one of these would let two readers of one request see two different requests. */
const ONCE_ONLY: ReadonlySet<string> = new Set([
  'x-api-key',
  'content-type',
  'content-length',
  'content-digest',
  'signature',
  'signature-input',
]);
/** Name, colon, space and line end. */
const FIELD_OVERHEAD_BYTES = 4;
const FORWARDED_FOR = 'x-forwarded-for';
const DIGITS = /^[0-9]{1,10}$/;

/** Walks all fields, because uWebSockets answers only the first of a repeated one. Strings are copied: `request` dies soon. */
export function readHeaders(request: Pick<HttpRequest, 'forEach'>): HeadersResult {
  const found = new Map<string, string>();
  let bytes = 0;
  let repeated: string | undefined;
  request.forEach((name, value) => {
    bytes += name.length + value.length + FIELD_OVERHEAD_BYTES;
    if (name === FORWARDED_FOR) {
      const before = found.get(name);
      found.set(name, before === undefined ? value : `${before},${value}`);
      return;
    }
    if (!ONCE_ONLY.has(name)) return;
    if (found.has(name)) repeated = name;
    found.set(name, value);
  });
  if (repeated !== undefined) return reject({ code: 'malformed-request', detail: `${repeated} is given twice` });
  const contentLength = found.get('content-length');
  if (contentLength !== undefined && !DIGITS.test(contentLength)) {
    return reject({ code: 'malformed-request', detail: 'content-length is not a number of bytes' });
  }
  if (bytes > MAX_HEADER_BYTES) {
    return reject({ code: 'headers-too-large', detail: `at most ${MAX_HEADER_BYTES} bytes of header fields` });
  }
  return accept({
    apiKey: found.get('x-api-key') ?? '',
    contentType: found.get('content-type') ?? '',
    contentLength: contentLength === undefined ? undefined : Number(contentLength),
    signatureInput: found.get('signature-input') ?? '',
    signature: found.get('signature') ?? '',
    contentDigest: found.get('content-digest') ?? '',
    forwardedFor: found.get(FORWARDED_FOR) ?? '',
  });
}
