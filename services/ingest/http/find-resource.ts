import { KEYS_PATH, TELEMETRY_PATH } from '../../../contracts/http-signature.ts';
import { ENROLMENT_PATH } from '../../../contracts/possession.ts';
import type { RegistryRequests } from '../registry-requests/registry-requests.ts';
import { createRequestResource } from './registry-resources.ts';
import type { FindResource, Resource } from './resource.ts';

export interface Resources {
  readonly telemetry: Resource;
  readonly enrolments: Resource;
  readonly keys: Resource;
  readonly requests: RegistryRequests;
}

const REQUEST_PATH = /^\/v1\/(enrolments|keys)\/([A-Za-z0-9_-]{22})$/;

export function createFindResource({ telemetry, enrolments, keys, requests }: Resources): FindResource {
  const fixed = new Map([
    [TELEMETRY_PATH, telemetry],
    [ENROLMENT_PATH, enrolments],
    [KEYS_PATH, keys],
  ]);
  return (path) => {
    const resource = fixed.get(path);
    if (resource !== undefined) return resource;
    const [, collection, id] = REQUEST_PATH.exec(path) ?? [];
    if (id === undefined) return undefined;
    return createRequestResource(requests, collection === 'keys' ? 'key' : 'enrolment', id);
  };
}
