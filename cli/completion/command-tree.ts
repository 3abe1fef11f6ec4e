import type { Command } from 'commander';

/** What can follow a command. */
export interface CommandNode {
  /** Below `telltale`, with blanks between; empty for itself. */
  readonly path: string;
  readonly subcommands: readonly Offer[];
  readonly options: readonly OptionOffer[];
  /** What its arguments are: words to choose from, files, or nothing that a shell knows. */
  readonly choices: readonly string[];
  readonly takesFile: boolean;
}

export interface Offer {
  readonly name: string;
  readonly description: string;
}

export interface OptionOffer extends Offer {
  readonly value: 'none' | 'file' | 'other';
}

/** Arguments and values of options that name a file. */
const FILE = /[<[](?:file|folder|manifest)(?:\.\.\.)?[>\]]/;

/** The command itself and all below it. */
export function walkCommands(command: Command, path = ''): readonly CommandNode[] {
  const help: OptionOffer = { name: '--help', description: 'how it is used', value: 'none' };
  const node: CommandNode = {
    path,
    subcommands: command.commands.map((each) => ({ name: each.name(), description: each.description() })),
    options: [
      ...command.options.map(({ long, short, flags, description, required, optional }) => ({
        name: long ?? short ?? '',
        description,
        value: FILE.test(flags) ? ('file' as const) : required || optional ? ('other' as const) : ('none' as const),
      })),
      help,
    ],
    choices: command.registeredArguments.flatMap(({ argChoices }) => argChoices ?? []),
    takesFile: command.registeredArguments.some((argument) => FILE.test(`<${argument.name()}>`)),
  };
  const below = command.commands.flatMap((each) => walkCommands(each, `${path} ${each.name()}`.trim()));
  return [node, ...below];
}
