import type { Envelope } from './envelope.ts';

interface Message {
  readonly apiKey: string;
  /** Of the message, not of the pack inside it. */
  readonly mediaType: string;
  readonly message: Uint8Array;
}

/** An envelope whose content carries its own proof: as an HTTP request it adds only the API key. */
export function selfContained(
  { nonce, createdS }: Pick<Envelope, 'nonce' | 'createdS'>,
  { apiKey, mediaType, message }: Message,
): Envelope {
  const headers = { 'X-API-Key': apiKey, 'Content-Type': mediaType, 'Content-Length': String(message.length) };
  return { nonce, createdS, headers, content: message };
}
