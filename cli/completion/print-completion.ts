import type { Command } from 'commander';
import { tellResult, type OutputOptions } from '../output/tell.ts';
import { formatBash } from './bash-completion.ts';
import { walkCommands, type CommandNode } from './command-tree.ts';
import { formatFish } from './fish-completion.ts';
import type { Shell } from './shells.ts';
import { formatZsh } from './zsh-completion.ts';

const FORMATS: Readonly<Record<Shell, (nodes: readonly CommandNode[]) => string>> = {
  bash: formatBash,
  zsh: formatZsh,
  fish: formatFish,
};

/** Made from the commands themselves, so that it never says less or more than they do. */
export function printCompletion(program: Command, shell: Shell, options: OutputOptions): void {
  const script = FORMATS[shell](walkCommands(program));
  tellResult(options, { shell, script }, script.trimEnd().split('\n'));
}
