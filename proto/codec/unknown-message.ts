import { BinaryReader } from '@bufbuild/protobuf/wire';
import { DecodeError } from './decode-error.ts';

/** A message in our words, or the name of one that only a newer build knows (protocol.md rule 9). */
export type Decoded<T> =
  | { readonly known: true; readonly message: T }
  | {
      readonly known: false;
      /** `field 14` of the envelope, or `nothing` for an empty one. */
      readonly unknown: string;
    };

/** Decodes an envelope whose only content is one `oneof message`. */
export function decodeEnvelope<Wire, Message>(
  envelope: { decode(bytes: Uint8Array): { readonly message: Wire | undefined } },
  bytes: Uint8Array,
  fromWire: (message: Wire) => Message,
): Decoded<Message> {
  const { message } = parse(() => envelope.decode(bytes));
  return message === undefined
    ? { known: false, unknown: parse(() => nameOfUnknown(bytes)) }
    : { known: true, message: fromWire(message) };
}

function parse<T>(read: () => T): T {
  try {
    return read();
  } catch (cause) {
    throw new DecodeError('MALFORMED', 'message', 'must be a valid protobuf message', { cause });
  }
}

/** The generated decoder skips what it does not know: its field number is all that we can say. */
function nameOfUnknown(bytes: Uint8Array): string {
  if (bytes.length === 0) return 'nothing';
  const [fieldNumber] = new BinaryReader(bytes).tag();
  return `field ${fieldNumber}`;
}
