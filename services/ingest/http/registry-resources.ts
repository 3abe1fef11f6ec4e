import { MAX_REQUEST_BYTES, REQUEST_MEDIA_TYPE } from '../../../contracts/enrolment.ts';
import type { RegistryRequestKind } from '../../../contracts/registry-request.ts';
import { accept, reject } from '../../../core/result.ts';
import { rejected } from '../outcome.ts';
import type { EnrolmentDesk } from '../registry-requests/enrolment-desk.ts';
import type { KeyDesk } from '../registry-requests/key-desk.ts';
import type { RegistryRequests } from '../registry-requests/registry-requests.ts';
import type { RequestHeaders } from './read-headers.ts';
import type { Decide, Resource } from './resource.ts';

/** Where a device asks to be enrolled. */
export function createEnrolmentsResource(desk: EnrolmentDesk): Resource {
  return jsonResource(() => (arrival, content) => desk.handle(arrival, content));
}

/** Where a device asks for a new key. */
export function createKeysResource(desk: KeyDesk): Resource {
  return jsonResource((headers) => (arrival, content) => desk.handle(headers, arrival, content));
}

/** What became of one request: for whoever knows its id, which nobody can guess. */
export function createRequestResource(requests: RegistryRequests, kind: RegistryRequestKind, id: string): Resource {
  return {
    method: 'GET',
    maxContentBytes: 0,
    open: () => accept((arrival) => requests.read(kind, id, arrival)),
  };
}

function jsonResource(decide: (headers: RequestHeaders) => Decide): Resource {
  return {
    method: 'POST',
    maxContentBytes: MAX_REQUEST_BYTES,
    open: (headers) =>
      headers.contentType.toLowerCase() === REQUEST_MEDIA_TYPE
        ? accept(decide(headers))
        : reject(rejected('unsupported-media-type', { detail: `the content type must be ${REQUEST_MEDIA_TYPE}` })),
  };
}
