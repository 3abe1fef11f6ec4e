/** Something that the person at the keyboard can mend: shown as one line, without a stack. */
export class BootstrapFailure extends Error {
  name = 'BootstrapFailure';
}
