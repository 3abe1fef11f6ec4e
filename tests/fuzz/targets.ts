import type { FuzzTarget } from './fuzz-target.ts';
import { cbor } from './targets/cbor.ts';
import { cose, jws } from './targets/envelopes.ts';
import { headers, mediaTypes } from './targets/headers.ts';
import { httpSignature } from './targets/http-signature.ts';
import { addresses, identifiers, mqttTopic, publicKeys } from './targets/identifiers.ts';
import { logEntries, registryRequests } from './targets/registry.ts';
import { senmlBoth, senmlCbor, senmlJson } from './targets/senml.ts';
import { structuredFields } from './targets/structured-fields.ts';

/** Every parser that reads what a stranger wrote. */
export const FUZZ_TARGETS: readonly FuzzTarget[] = [
  headers,
  mediaTypes,
  structuredFields,
  httpSignature,
  senmlJson,
  senmlCbor,
  senmlBoth,
  cbor,
  jws,
  cose,
  mqttTopic,
  identifiers,
  publicKeys,
  addresses,
  registryRequests,
  logEntries,
];
