/** What must not be in a log, whoever planted it. */
const planted = new Set<string>();

/** What looks like a secret of ours, in any log of any test. */
const SHAPES: readonly (readonly [what: string, shape: RegExp])[] = [
  ['an API key', /tt_[0-9A-Za-z]{12}_[0-9A-Za-z]{36}/],
  ['an enrolment token', /\bte_[A-Za-z0-9_-]{43}\b/],
  ['a JWT or JWS', /eyJ[\w-]{8,}\.[\w-]*\.[\w-]{80,}/],
  ['a signature', /(?<![\w+/=-])(?:[A-Za-z0-9+/]{86}==|[A-Za-z0-9_-]{86})(?![\w+/=-])/],
  ['a private key', /PRIVATE KEY|"d":"[\w-]{40,}"/],
  ['a password in a URL', /:\/\/[^\s/:@"]*:[^\s/@"]+@/],
  ['readings', /"(?:metric|metrics)":\[|"n":"[^"]+","u":/],
];

/** From now on nobody may log this. */
export function plantSecret(text: string): void {
  planted.add(text);
}

/** What is in the line that must not be; undefined when there is nothing. */
export function findSecret(line: string): string | undefined {
  for (const [what, shape] of SHAPES) if (shape.test(line)) return what;
  for (const secret of planted) if (line.includes(secret)) return `the planted secret ${secret}`;
  return undefined;
}

/** Fails when a line has something that must not be in a log. */
export function assertNoSecrets(whose: string, lines: readonly string[]): void {
  for (const line of lines) {
    const found = findSecret(line);
    if (found !== undefined) throw new Error(`the log of ${whose} has ${found}: ${line}`);
  }
}
