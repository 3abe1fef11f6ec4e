/** Something that the person at the keyboard can mend: the message says it, a stack would not help. */
export class CommandFailure extends Error {
  override readonly name: string = 'CommandFailure';
}

/** What was typed is wrong: nothing has been tried. */
export class UsageFailure extends CommandFailure {
  override readonly name = 'UsageFailure';
}
