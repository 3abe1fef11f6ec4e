import { hash } from 'node:crypto';
import { SENML_CBOR } from '../../../contracts/envelope-claim.ts';
import { parseSenmlCbor } from '../../../contracts/senml-cbor.ts';
import { encodeAdmittedPack } from '../../../contracts/admitted-pack.ts';
import type { Reading } from '../../../core/telemetry/reading.ts';
import { parsePack } from '../../../core/telemetry/senml-pack.ts';
import type { SignatureVerifier } from '../../../platform/crypto/signature-verifier.ts';
import { parseJson } from '../parse-json.ts';
import type { Envelope, PackMetric, Verification } from './envelope.ts';

export interface PackLimits {
  readonly maxReadingAgeUs: number;
  readonly maxReadingAheadUs: number;
}

/** Proves one envelope over the bytes received, then reads its pack: digest, signature, syntax, meaning, in that order. */
export function verifyEnvelope(envelope: Envelope, verifier: SignatureVerifier, limits: PackLimits): Verification {
  const { digestBase64, content } = envelope;
  if (digestBase64 !== undefined && hash('sha256', content, 'base64') !== digestBase64) {
    return refuse('signature-invalid', 'Content-Digest is not that of the content');
  }
  if (!verifier.verify(envelope.publicKey, envelope.signed, envelope.signature)) {
    return refuse('signature-invalid', 'the signature does not match');
  }
  const input = envelope.mediaType === SENML_CBOR ? parseSenmlCbor(content) : parseJson(content);
  if (input === undefined) {
    const format = envelope.mediaType === SENML_CBOR ? 'CBOR' : 'JSON in UTF-8';
    return refuse('malformed-body', `the content is not ${format} with each member once`);
  }
  const pack = parsePack(input.json, {
    deviceId: envelope.deviceId,
    createdUs: envelope.createdUs,
    maxAgeUs: limits.maxReadingAgeUs,
    maxAheadUs: limits.maxReadingAheadUs,
  });
  if (!pack.ok) return { kind: 'refused', code: 'schema-invalid', extras: { errors: pack.error } };
  return {
    kind: 'verified',
    pack: encodeAdmittedPack(
      {
        device: envelope.deviceId,
        key: envelope.key,
        nonce: envelope.nonce,
        createdUs: envelope.createdUs,
        receivedUs: envelope.receivedUs,
      },
      pack.value,
    ),
    readings: pack.value.length,
    metrics: metricsOf(pack.value),
  };
}

function refuse(code: 'signature-invalid' | 'malformed-body', detail: string): Verification {
  return { kind: 'refused', code, extras: { detail } };
}

function metricsOf(readings: readonly Reading[]): PackMetric[] {
  const units = new Map<string, string | null>();
  for (const reading of readings) {
    if (!units.has(reading.metric)) units.set(reading.metric, reading.unit ?? null);
  }
  return [...units].map(([name, unit]) => ({ name, unit }));
}
