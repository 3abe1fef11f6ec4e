/** `te_<secret>`: 43 characters of base64url, 256 bits. Lets one device enrol once; kept only as the hash of its text. */
export type EnrolmentToken = string & { readonly __brand: 'EnrolmentToken' };

const ENROLMENT_TOKEN = /^te_[A-Za-z0-9_-]{43}$/;
const SECRET_BYTES = 32;

export function parseEnrolmentToken(text: string): EnrolmentToken | undefined {
  return ENROLMENT_TOKEN.test(text) ? (text as EnrolmentToken) : undefined;
}

/** `random(n)` answers n unpredictable bytes. */
export function createEnrolmentToken(random: (length: number) => Uint8Array): EnrolmentToken {
  const token = parseEnrolmentToken(`te_${Buffer.from(random(SECRET_BYTES)).toString('base64url')}`);
  if (token === undefined) throw new Error(`${SECRET_BYTES} bytes are 43 base64url characters`);
  return token;
}
