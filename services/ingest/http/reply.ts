import { STATUS_CODES } from 'node:http';
import type { HttpResponse } from '../../../platform/http/uws.ts';
import { problemOf } from '../../../contracts/problem.ts';
import { formatPolicy, formatRateLimit } from '../limit/limit-outcome.ts';
import type { Answered, HttpOutcome, Outcome } from '../outcome.ts';

/** Writes the reply in one piece. The caller has made sure that the response is still there. */
export function reply(response: HttpResponse, outcome: HttpOutcome, closeConnection: boolean): void {
  response.cork(() => {
    if (outcome.kind !== 'accepted' && outcome.kind !== 'rejected') {
      writeAnswer(response, outcome, closeConnection);
      return;
    }
    if (outcome.kind === 'accepted') {
      response.writeStatus('202 Accepted').writeHeader('Content-Type', 'application/json');
      writeRateLimit(response, outcome);
      response.end(`{"accepted":${outcome.readings}}`, closeConnection);
      return;
    }
    const problem = problemOf(outcome.code, outcome.extras);
    response
      .writeStatus(`${problem.status} ${STATUS_CODES[problem.status] ?? ''}`)
      .writeHeader('Content-Type', 'application/problem+json');
    if (outcome.allow !== undefined) response.writeHeader('Allow', outcome.allow);
    if (outcome.retryAfterS !== undefined) response.writeHeader('Retry-After', String(outcome.retryAfterS));
    writeRateLimit(response, outcome);
    response.end(JSON.stringify(problem), closeConnection);
  });
}

const ANSWER_STATUS = { registered: '201 Created', pending: '202 Accepted', read: '200 OK' } as const;

/** Not to be kept by anything on its way: it may carry a new API key. */
function writeAnswer(response: HttpResponse, answer: Answered, closeConnection: boolean): void {
  response
    .writeStatus(ANSWER_STATUS[answer.kind])
    .writeHeader('Content-Type', 'application/json')
    .writeHeader('Cache-Control', 'no-store');
  if (answer.location !== undefined) response.writeHeader('Location', answer.location);
  writeRateLimit(response, answer);
  response.end(JSON.stringify(answer.body), closeConnection);
}

function writeRateLimit(response: HttpResponse, { rateLimit }: Pick<Outcome, 'rateLimit'>): void {
  if (rateLimit === undefined) return;
  response
    .writeHeader('RateLimit-Policy', formatPolicy(rateLimit.policy))
    .writeHeader('RateLimit', formatRateLimit(rateLimit));
}
