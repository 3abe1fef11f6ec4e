import { CommandFailure } from '../process/failure.ts';

const SECTION = /^## Your own device\n(.*?)^## /ms;
const BLOCK = /^```sh\n(.*?)^```$/gms;
const HERE_DOCUMENT = /<<'(\w+)'$/;

/** The commands of the README that lead to a first alert: what its reader types into a terminal of its own for each block. */
export function readTerminals(readme: string): readonly (readonly string[])[] {
  const [, section = ''] = SECTION.exec(readme) ?? [];
  const terminals = [...section.matchAll(BLOCK)].map(([, block = '']) => splitCommands(block));
  if (terminals.length !== 2) throw new CommandFailure('README.md has no section "Your own device" with two terminals');
  return terminals;
}

/** One a line, but for what goes on to the end of a here-document. */
function splitCommands(block: string): readonly string[] {
  const commands: string[] = [];
  let end: string | undefined;
  for (const line of block.trimEnd().split('\n')) {
    if (end === undefined) commands.push(line);
    else commands.push(`${commands.pop() ?? ''}\n${line}`);
    end = end === undefined ? HERE_DOCUMENT.exec(line)?.[1] : line === end ? undefined : end;
  }
  return commands;
}
