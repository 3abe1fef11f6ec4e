/** How an envelope proves its pack: in header fields over the content, or inside a self-contained message. */
export const ENCODINGS = ['http-signature', 'jws', 'cose'] as const;
export type Encoding = (typeof ENCODINGS)[number];
