import { z } from 'zod';
import type { ProblemCode } from '../../contracts/problem.ts';
import type { Delivery } from './transport.ts';

export interface Reply {
  readonly status: number;
  readonly retryAfter: string | undefined;
  /** The policy that limits the sender most, as the server states it. */
  readonly rateLimitPolicy?: string | undefined;
  readonly body: string;
}

const acceptedSchema = z.object({ accepted: z.int() });
const problemSchema = z.object({ code: z.string(), server_time: z.number().optional() });
/** The request was not wrong, the moment was. */
const TRY_LATER: ReadonlySet<number> = new Set([408, 425, 429, 500, 502, 503, 504]);

/** Says nothing about the envelope, and ends. */
const BLOCKED: ProblemCode = 'blocked';

/** Reads a reply of `POST /v1/telemetry`. */
export function parseReply({ status, retryAfter, body }: Reply): Delivery {
  const content = parseJson(body);
  if (status === 202) {
    const accepted = acceptedSchema.safeParse(content);
    return accepted.success
      ? { kind: 'accepted', readings: accepted.data.accepted }
      : { kind: 'refused', code: 'unexpected-reply' };
  }
  const problem = problemSchema.safeParse(content);
  const code = problem.success ? problem.data.code : `http-${status}`;
  if (TRY_LATER.has(status) || code === BLOCKED)
    return { kind: 'busy', code, retryAfterMs: parseRetryAfterMs(retryAfter) };
  const serverTimeS = problem.data?.server_time;
  return { kind: 'refused', code, serverTimeMs: serverTimeS === undefined ? undefined : serverTimeS * 1000 };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Only the form in seconds (RFC 9110 section 10.2.3): a device without a true clock cannot use the other. */
function parseRetryAfterMs(field: string | undefined): number | undefined {
  return field !== undefined && /^[0-9]{1,9}$/.test(field) ? Number(field) * 1000 : undefined;
}
