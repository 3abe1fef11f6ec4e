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

/** Name, colon, space and line end. */
const FIELD_OVERHEAD_BYTES = 4;
const DIGITS = /^[0-9]{1,10}$/;

/**
 * Walks all fields, because uWebSockets answers only the first of a repeated one, and two of a kind would let two readers
 * of one request see two different requests. Strings are copied: `request` dies soon.
 */
export function readHeaders(request: Pick<HttpRequest, 'forEach'>): HeadersResult {
  let apiKey: string | undefined;
  let contentType: string | undefined;
  let contentLength: string | undefined;
  let signatureInput: string | undefined;
  let signature: string | undefined;
  let contentDigest: string | undefined;
  let forwardedFor: string | undefined;
  let bytes = 0;
  let repeated: string | undefined;
  const once = (name: string, before: string | undefined, value: string): string => {
    if (before !== undefined) repeated = name;
    return value;
  };
  request.forEach((name, value) => {
    bytes += name.length + value.length + FIELD_OVERHEAD_BYTES;
    switch (name) {
      case 'x-api-key':
        apiKey = once(name, apiKey, value);
        break;
      case 'content-type':
        contentType = once(name, contentType, value);
        break;
      case 'content-length':
        contentLength = once(name, contentLength, value);
        break;
      case 'content-digest':
        contentDigest = once(name, contentDigest, value);
        break;
      case 'signature':
        signature = once(name, signature, value);
        break;
      case 'signature-input':
        signatureInput = once(name, signatureInput, value);
        break;
      case 'x-forwarded-for':
        forwardedFor = forwardedFor === undefined ? value : `${forwardedFor},${value}`;
        break;
      default:
    }
  });
  if (repeated !== undefined) return reject({ code: 'malformed-request', detail: `${repeated} is given twice` });
  if (contentLength !== undefined && !DIGITS.test(contentLength)) {
    return reject({ code: 'malformed-request', detail: 'content-length is not a number of bytes' });
  }
  if (bytes > MAX_HEADER_BYTES) {
    return reject({ code: 'headers-too-large', detail: `at most ${MAX_HEADER_BYTES} bytes of header fields` });
  }
  return accept({
    apiKey: apiKey ?? '',
    contentType: contentType ?? '',
    contentLength: contentLength === undefined ? undefined : Number(contentLength),
    signatureInput: signatureInput ?? '',
    signature: signature ?? '',
    contentDigest: contentDigest ?? '',
    forwardedFor: forwardedFor ?? '',
  });
}
