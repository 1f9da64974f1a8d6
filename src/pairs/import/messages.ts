import { RowFault } from "./importer.js";
import { textFault, withoutImagePlaces } from "../text-faults.js";
import { asText, describe, RowFields } from "./row-fields.js";

/** A question and its answer, out of a conversation. */
export interface Message {
  readonly role: string;
  readonly text: string;
  /** Path of the message in its row. */
  readonly field: string;
}

/** How a format names what a message is made of. */
export interface MessageKeys {
  readonly role: string;
  readonly content: string;
}

/** TRL's, OpenAI's and ms-swift's names. */
const ROLE_CONTENT: MessageKeys = { role: "role", content: "content" };

/**
 * Takes a list of messages.
 *
 * @param value - Should be a list of messages; a message's content is text, or a list of parts of type text or image.
 * @param field - Path of the list.
 * @param keys - The format's names for role and content.
 * @throws RowFault when something else is found.
 */
export function messagesOf(value: unknown, field: string, keys: MessageKeys = ROLE_CONTENT): Message[] {
  if (!Array.isArray(value)) throw new RowFault(field, `found ${describe(value)}, expected a list of messages`);
  return value.map((item, index) => messageOf(item, `${field}[${index}]`, keys));
}

/** Takes one message; see {@link messagesOf}. */
export function messageOf(value: unknown, field: string, keys: MessageKeys = ROLE_CONTENT): Message {
  const fields = new RowFields(value, field);
  const content = fields.required(keys.content);
  const text = Array.isArray(content) ? partsText(content, fields.path(keys.content)) : undefined;
  return { role: fields.text(keys.role), text: text ?? asText(content, fields.path(keys.content)), field };
}

function partsText(parts: readonly unknown[], field: string): string {
  const texts = parts.flatMap((part, index) => {
    const fields = new RowFields(part, `${field}[${index}]`);
    const type = fields.text("type");
    if (type === "image") return [];
    if (type === "text") return [fields.text("text")];
    throw new RowFault(fields.path("type"), `found ${describe(type)}, expected text or image`);
  });
  return texts.join("\n");
}

/**
 * Takes the one question that a pair has.
 *
 * @param messages - What stands before the answers.
 * @param roles - The format's names of the roles.
 * @param field - Path of the messages.
 * @param dropSystem - Leave system messages out instead of refusing them.
 * @param images - What the row has of them: a list, or one.
 * @returns The question, without markers of the images.
 * @throws RowFault when there are several questions, or something else beside one.
 */
export function oneQuestion(
  messages: readonly Message[],
  roles: { readonly user: string; readonly system: string },
  field: string,
  dropSystem: boolean,
  images: unknown,
): string {
  const said = messages.filter(({ role }) => role !== roles.system);
  if (said.length < messages.length && !dropSystem) {
    throw new RowFault(field, "has a system message, which a pair has no place for; leave it out with --drop-system");
  }
  const [question] = said;
  if (question === undefined) throw new RowFault(field, "has no question, expected one");
  if (said.length > 1)
    throw new RowFault(field, `has ${said.length} messages before the answer, a pair has one question`);
  if (question.role !== roles.user) {
    throw new RowFault(`${question.field}`, `is said by ${describe(question.role)}, expected "${roles.user}"`);
  }
  return withoutMarkers(question.text, question.field, images);
}

/**
 * Takes the markers of the images off the beginning or the end of a question.
 *
 * @param images - What the row has of them: a list, or one.
 * @throws RowFault when there are more than images, or one in the middle.
 */
export function withoutMarkers(text: string, field: string, images?: unknown): string {
  const count = Array.isArray(images) ? images.length : 1;
  const bare = withoutImagePlaces(text, count);
  const found = bare === "" ? null : textFault(bare);
  if (found === null) return bare;
  const has = count === 1 ? "one picture" : `${count} pictures`;
  throw new RowFault(field, `${found.found}; a question has ${has}, marked at its beginning or end or not at all`);
}

/**
 * Takes the one answer that a text of a pair is.
 *
 * @param messages - What is said after the question.
 * @param roles - The format's names of the roles.
 * @param field - Path of the messages.
 * @throws RowFault when it is not one message of the assistant.
 */
export function oneAnswer(messages: readonly Message[], roles: { readonly assistant: string }, field: string): string {
  const [answer] = messages;
  if (answer === undefined || messages.length > 1) {
    throw new RowFault(field, `has ${messages.length} messages for the answer, a pair has one`);
  }
  if (answer.role === roles.assistant) return answer.text;
  throw new RowFault(answer.field, `is said by ${describe(answer.role)}, expected "${roles.assistant}"`);
}

/**
 * Requires that two conversations begin in the same way.
 *
 * @param field - Path of the second.
 * @throws RowFault when they do not.
 */
export function sameQuestion(first: readonly Message[], second: readonly Message[], field: string): void {
  const same = first.every(({ role, text }, at) => second[at]?.role === role && second[at].text === text);
  if (same && first.length === second.length) return;
  throw new RowFault(field, "asks another question than the chosen side does, expected the same one");
}
