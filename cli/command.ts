import type { Command } from 'commander';

export interface CommandText {
  /** Name and arguments, such as `show <device>`. */
  readonly usage: string;
  readonly description: string;
  /** What follows `telltale`. */
  readonly examples: readonly string[];
  /** What the group does when none of its commands is named. */
  readonly isDefault?: boolean;
}

/** A command of its own, with what every one of them has. */
export function addCommand(parent: Command, { usage, description, examples, isDefault = false }: CommandText): Command {
  return parent
    .command(usage, { isDefault })
    .description(description)
    .option('--json', 'one JSON object', false)
    .addHelpText('after', `\nExamples:\n${examples.map((example) => `  telltale ${example}\n`).join('')}`);
}

/** Commands that share a noun. */
export function addGroup(parent: Command, name: string, description: string): Command {
  return parent.command(name).description(description);
}
