import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { test } from 'node:test';
import ts from 'typescript';

const README = 'clients/js/README.md';
const SCREEN = resolve('clients/js/alarm-screen.tsx');
const AMBIENT = resolve('clients/js/react-native.d.ts');

/** What the screen uses of each, as their documentation has it. */
const DECLARATIONS = `
declare module 'react' {
  export function useState<S>(initial: S): [S, (next: S | ((before: S) => S)) => void];
  export function useEffect(effect: () => void | (() => void), dependencies?: readonly unknown[]): void;
}
declare module 'react-native' {
  type Component = (properties: { readonly children?: unknown }) => unknown;
  export const Text: Component;
  export const View: Component;
  export const Vibration: { vibrate(pattern?: number | number[], repeat?: boolean): void; cancel(): void };
  export const AppState: {
    addEventListener(
      type: 'change' | 'memoryWarning' | 'blur' | 'focus',
      listener: (state: 'active' | 'background' | 'inactive' | 'unknown' | 'extension') => void,
    ): { remove(): void };
  };
}
declare module '@react-native-async-storage/async-storage' {
  const storage: { getItem(key: string): Promise<string | null>; setItem(key: string, value: string): Promise<void> };
  export default storage;
}
declare namespace JSX {
  interface Element {}
  interface ElementChildrenAttribute { children: {} }
  interface IntrinsicAttributes { key?: string }
  type ElementType = (properties: any) => unknown;
}
declare namespace React {
  const createElement: unknown;
}
`;

/** The messages of the compiler about the screen, with these changes made to it. */
function compile(screen: string): readonly string[] {
  const options: ts.CompilerOptions = {
    strict: true,
    noEmit: true,
    skipLibCheck: true,
    target: ts.ScriptTarget.ES2022,
    module: ts.ModuleKind.ESNext,
    moduleResolution: ts.ModuleResolutionKind.Bundler,
    allowImportingTsExtensions: true,
    jsx: ts.JsxEmit.Preserve,
    lib: ['lib.es2022.d.ts'],
    types: [],
    paths: { '@telltale/client': [resolve('clients/js/src/index.ts')] },
  };
  const host = ts.createCompilerHost(options);
  const ours = new Map([
    [SCREEN, screen],
    [AMBIENT, DECLARATIONS],
  ]);
  const files = ts.createCompilerHost(options);
  host.readFile = (path) => ours.get(path) ?? files.readFile(path);
  host.fileExists = (path) => ours.has(path) || files.fileExists(path);
  host.getSourceFile = (path, ...more) => {
    const text = ours.get(path);
    return text === undefined
      ? files.getSourceFile(path, ...more)
      : ts.createSourceFile(path, text, ts.ScriptTarget.ES2022, true);
  };
  return ts
    .getPreEmitDiagnostics(ts.createProgram([SCREEN, AMBIENT], options, host))
    .map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, '\n'));
}

test('the screen of the README compiles against the client, and would not if the client were another', async () => {
  const screen = /```tsx\n(.*?)```/s.exec(await readFile(README, 'utf8'))?.[1];
  assert.ok(screen !== undefined);
  assert.deepEqual(compile(screen), []);
  assert.match(compile(screen.replace('reconnectNow', 'reconnect')).join(' '), /'reconnect' does not exist/);
  assert.match(compile(screen.replace("'hearing'", "'hearings'")).join(' '), /"hearings"/);
});
