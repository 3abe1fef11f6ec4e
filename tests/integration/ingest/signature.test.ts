import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { openIngestPlatform, type IngestPlatform } from '../../support/ingest-platform.ts';
import { assertAccepted, assertProblem } from '../../support/problem-assertions.ts';
import { fieldOf, send, withField, withoutField, type RawRequest } from '../../support/raw-http.ts';
import { digestOf, malleableTwin, type RequestParts, type SignedDevice } from '../../support/signed-device.ts';

/** Everything is signed as it is sent: only the rules of the profile, not the curve, can refuse it. */
const SIGNED_PARTS: Readonly<Record<string, Partial<RequestParts>>> = {
  'covers no component': { components: '()' },
  'does not cover the method': { components: '("@path" "content-type" "content-digest")' },
  'does not cover the digest': { components: '("@method" "@path" "content-type")' },
  'covers a component more': { components: '("@method" "@path" "content-type" "content-digest" "date")' },
  'covers them in another order': { components: '("@path" "@method" "content-type" "content-digest")' },
  'covers one twice': { components: '("@method" "@method" "content-type" "content-digest")' },
  'covers one with a parameter': { components: '("@method";req "@path" "content-type" "content-digest")' },
  'is made with another algorithm': { alg: 'hmac-sha256' },
  'names no algorithm of ours': { alg: 'none' },
  'has another tag': { tag: 'Telemetry' },
  'has a created that is a decimal': { createdS: `${Math.floor(Date.now() / 1000)}.0` },
  'has a created that is a string': { createdS: `"${Math.floor(Date.now() / 1000)}"` },
  'has a created that is negative': { createdS: -1 },
  'has a nonce with a leading zero': { nonce: '01' },
  'has a negative nonce': { nonce: '-1' },
  'has an empty nonce': { nonce: '' },
  'has a nonce in exponents': { nonce: '1e3' },
  'has a nonce of 2^53': { nonce: '9007199254740992' },
  'has a nonce of 17 digits': { nonce: '10000000000000000' },
  'has a keyid without a slash': { keyId: 'dev-1' },
  'has a keyid with two slashes': { keyId: 'dev-1/1/1' },
};

/** As a serialiser of structured fields writes it. */
const canonical = (text: string): string => text.replaceAll(/ +/g, ' ').replace('( ', '(').replaceAll('; ', ';');

for (const verifier of ['node', 'noble'] as const) {
  describe(`with the ${verifier} verifier`, () => {
    let platform: IngestPlatform;
    let device: SignedDevice;

    before(async () => {
      platform = await openIngestPlatform({ TELLTALE_INGEST_VERIFIER: verifier });
      device = await platform.addDevice();
    });
    after(() => platform[Symbol.asyncDispose]());

    async function assertInvalid(request: RawRequest): Promise<void> {
      const before = (await platform.admitted(device)).length;
      const problem = assertProblem(await send(platform.port, request), 401, 'signature-invalid');
      assert.ok(problem.detail);
      assert.equal((await platform.admitted(device)).length, before);
    }

    /** Parameters as a device may write them, with everything that the profile asks for. */
    function params(change: (text: string) => string): string {
      const text = fieldOf(device.request(), 'Signature-Input').replace(/^sig1=/, '');
      const changed = change(text);
      assert.notEqual(changed, text);
      return changed;
    }

    test('a correct request is accepted with the number of its readings, and is in the log once', async () => {
      const nonce = device.nextNonce();
      const body = '[{"bn":"","bt":-1,"n":"pga","u":"m/s2","v":0.5},{"n":"pga","u":"m/s2","v":0.75,"t":0.5}]';
      assertAccepted(await send(platform.port, device.request({ body, nonce })), 2);
      const [pack, ...others] = (await platform.admitted(device)).filter((candidate) => candidate.nonce === nonce);
      assert.deepEqual(others, []);
      assert.equal(pack?.key, device.key().registration().thumbprint);
      assert.deepEqual(pack.value, [0.5, 0.75]);
      assert.deepEqual(
        pack.time_us.map((timeUs) => timeUs - pack.created_us),
        [-1e6, -0.5e6],
      );
    });

    for (const [name, parts] of Object.entries(SIGNED_PARTS)) {
      test(`a signature that ${name} is invalid`, () => assertInvalid(device.request(parts)));
    }

    test('a changed byte anywhere in the content makes the signature invalid', async () => {
      const request = device.request();
      for (const at of [0, 8, request.body.length - 1]) {
        const body = Buffer.from(request.body);
        body[at] = (body[at] ?? 0) ^ 1;
        await assertInvalid({ ...request, body });
      }
    });

    test('a digest of other content is invalid, signed or not', async () => {
      const contentDigest = digestOf('[]');
      await assertInvalid(device.request({ contentDigest }));
      await assertInvalid(withField(device.request(), 'Content-Digest', contentDigest));
    });

    test('a digest that is missing, of another kind, or accompanied is invalid', async () => {
      const digest = digestOf(device.request().body);
      await assertInvalid(withoutField(device.request(), 'Content-Digest'));
      for (const contentDigest of [
        digest.replace('sha-256', 'sha-512'),
        `${digest}, sha-512=:AAAA:`,
        `${digest};a=1`,
        digest.replaceAll(':', '"'),
        digest.slice(0, -2),
        'sha-256=::',
      ]) {
        await assertInvalid(device.request({ contentDigest }));
      }
    });

    test('another content type of the same meaning than the one that was signed is invalid', async () => {
      await assertInvalid(withField(device.request(), 'Content-Type', 'APPLICATION/senml+json'));
    });

    test('a parameter, a label or a tag given twice is invalid', async () => {
      await assertInvalid(device.request({ signatureParams: params((text) => `${text};created=1`) }));
      await assertInvalid(device.request({ signatureParams: params((text) => `${text};nonce="1"`) }));
      await assertInvalid(device.request({ signatureParams: params((text) => `${text};colour="red"`) }));
      const request = device.request();
      const input = fieldOf(request, 'Signature-Input');
      await assertInvalid(withField(request, 'Signature-Input', `${input}, ${input}`));
      await assertInvalid(withField(request, 'Signature-Input', `${input}, ${input.replace('sig1', 'sig2')}`));
      await assertInvalid(withField(request, 'Signature', `${fieldOf(request, 'Signature')}, sig1=:AAAA:`));
    });

    test('parameters that are missing are invalid', async () => {
      for (const name of ['created', 'keyid', 'nonce', 'alg', 'tag']) {
        const signatureParams = params((text) => text.replace(new RegExp(`;${name}=("[^"]*"|[0-9]+)`), ''));
        await assertInvalid(device.request({ signatureParams }));
      }
    });

    test('the signature covers the text as it was sent: one over the canonical form is invalid', async () => {
      for (const respell of [
        (text: string) => text.replace('("@method" ', '( "@method"   '),
        (text: string) => text.replaceAll(';', '; '),
      ]) {
        const signatureParams = params(respell);
        assertAccepted(await send(platform.port, device.request({ signatureParams })), 1);
        const again = params(respell);
        await assertInvalid(device.request({ signatureParams: again, signedParams: canonical(again) }));
        await assertInvalid(device.request({ signatureParams: again, signedParams: params((text) => `${text} `) }));
      }
    });

    test('order of parameters and label are free, and signatures with other tags are ignored', async () => {
      const signatureParams = params((text) => {
        const [components = '', ...parameters] = text.split(';');
        return [components, ...parameters.reverse()].join(';');
      });
      const request = device.request({ signatureParams });
      const renamed = (name: string, prefix: string) =>
        `${prefix}, ${fieldOf(request, name).replace('sig1', '*my-label.1')}`;
      const other = 'proxy=("@authority");created=1;tag="proxy"';
      const changed = withField(request, 'Signature-Input', renamed('Signature-Input', other));
      assertAccepted(
        await send(platform.port, withField(changed, 'Signature', renamed('Signature', 'proxy=:AAAA:'))),
        1,
      );
    });

    test('a signature that is missing, misplaced, cut, longer, not base64 or in DER is invalid', async () => {
      const request = device.request();
      const signature = fieldOf(request, 'Signature');
      const base64 = signature.slice('sig1=:'.length, -1);
      const der = Buffer.concat([Buffer.from('3044022001', 'hex'), Buffer.alloc(66, 1)]).toString('base64');
      await assertInvalid(withoutField(request, 'Signature'));
      await assertInvalid(withoutField(request, 'Signature-Input'));
      for (const field of [
        '',
        signature.replace('sig1', 'sig2'),
        `sig1=:${base64.slice(4)}:`,
        `sig1=:AAAA${base64}:`,
        `sig1=:${base64.slice(0, -1)}:`,
        `sig1="${base64}"`,
        `sig1=:${base64.replaceAll('/', '_').slice(0, -3)}~==:`,
        `sig1=:${der}:`,
        `${signature};x`,
      ]) {
        await assertInvalid(withField(request, 'Signature', field));
      }
      assertAccepted(await send(platform.port, request), 1);
    });

    test('r and s of zero, of the order and of all ones are invalid and nothing worse', async () => {
      const order = 'ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551';
      const values = ['00'.repeat(32), `${'00'.repeat(31)}01`, order, 'ff'.repeat(32)];
      for (const r of values) {
        for (const s of values) {
          const signature = `sig1=:${Buffer.from(r + s, 'hex').toString('base64')}:`;
          await assertInvalid(device.request({ signature }));
        }
      }
    });

    test('every flipped bit of a signature makes it invalid', async () => {
      const request = device.request();
      const bytes = Buffer.from(fieldOf(request, 'Signature').slice('sig1=:'.length, -1), 'base64');
      for (let bit = 0; bit < 512; bit += 17) {
        const flipped = Buffer.from(bytes);
        flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
        await assertInvalid(withField(request, 'Signature', `sig1=:${flipped.toString('base64')}:`));
      }
      assertAccepted(await send(platform.port, request), 1);
    });

    test('a high and a low S are equally valid, and the twin of an admitted signature is a replay', async () => {
      for (let i = 0; i < 8; i += 1) {
        const request = device.request();
        const twin = withField(request, 'Signature', malleableTwin(fieldOf(request, 'Signature')));
        const [first, second] = i % 2 === 0 ? [request, twin] : [twin, request];
        assertAccepted(await send(platform.port, first), 1);
        assertProblem(await send(platform.port, second), 409, 'replay-detected');
      }
    });

    test('no refusal leaves a stack trace, a key or a signature in the log', () => {
      const secrets = [device.apiKey.text, 'sig1', 'stack'];
      assert.deepEqual(
        platform.ingest.log.filter((line) => secrets.some((secret) => line.includes(secret))),
        [],
      );
    });
  });
}
