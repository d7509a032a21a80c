/**
 * The values that no log line and no error may show: those registered here, and whatever looks like
 * one (user info and signatures in URLs, bearer credentials, private keys). Invariant 8 rests on
 * this file and on `redaction.ts`.
 *
 * The register is bounded: past the bound the oldest value is forgotten, except those marked
 * `keep`.
 */
export const redacted = '[redacted]';

/** Shorter strings occur by chance; masking them would hide more than it protects. */
const lengthMin = 8;
const valuesMax = 4_096;

type Registered = Readonly<{ forms: readonly string[]; keep: boolean }>;
const registered = new Map<string, Registered>();
/**
 * Forms by their first characters: one look-up per position of a text, however many values there
 * are.
 */
const formsByHead = new Map<string, readonly string[]>();

export function registerSecretValue(value: string, o: Readonly<{ keep?: boolean }> = {}): void {
  if (value.length < lengthMin) return;
  const known = registered.get(value);
  registered.delete(value);
  const entry = {
    forms: known?.forms ?? formsOf(value),
    keep: known?.keep === true || o.keep === true,
  };
  registered.set(value, entry);
  if (!known) for (const form of entry.forms) addForm(form);
  if (registered.size > valuesMax) forgetOldest();
}

/** Registers every string in a JSON value. */
export function registerSecretValues(value: unknown): void {
  if (typeof value === 'string') registerSecretValue(value);
  else if (typeof value === 'object' && value !== null) {
    for (const member of Object.values(value)) registerSecretValues(member);
  }
}

/** The text with everything secret replaced by `[redacted]`. */
export function maskSecrets(text: string): string {
  return maskPatterns(maskRegistered(text));
}

/**
 * A value also appears as it is escaped in JSON and in URLs, encoded in Base64, and line by line.
 */
function formsOf(value: string): readonly string[] {
  const forms = [
    value,
    JSON.stringify(value).slice(1, -1),
    encodeURIComponent(value.toWellFormed()),
    Buffer.from(value).toString('base64'),
    ...value.split(/\r?\n/).filter((line) => line.length >= 16 && !line.startsWith('-----')),
  ];
  return [...new Set(forms)];
}

function addForm(form: string): void {
  const head = form.slice(0, lengthMin);
  // The longest first: a value that begins with another one is masked whole.
  const forms = [...(formsByHead.get(head) ?? []), form].sort((a, b) => b.length - a.length);
  formsByHead.set(head, forms);
}

function forgetOldest(): void {
  for (const [value, { forms, keep }] of registered) {
    if (keep) continue;
    registered.delete(value);
    for (const form of forms) dropForm(form);
    return;
  }
}

function dropForm(form: string): void {
  const head = form.slice(0, lengthMin);
  const forms = formsByHead.get(head) ?? [];
  const at = forms.indexOf(form);
  // Only one: another value may have the same form.
  const left = forms.filter((_, index) => index !== at);
  if (left.length > 0) formsByHead.set(head, left);
  else formsByHead.delete(head);
}

function maskRegistered(text: string): string {
  if (formsByHead.size === 0) return text;
  let masked = '';
  let from = 0;
  for (let at = 0; at + lengthMin <= text.length; at++) {
    const form = formsByHead
      .get(text.slice(at, at + lengthMin))
      ?.find((f) => text.startsWith(f, at));
    if (form === undefined) continue;
    masked += text.slice(from, at) + redacted;
    from = at + form.length;
    at = from - 1;
  }
  return from === 0 ? text : masked + text.slice(from);
}

const urlUser = /\b([a-z][a-z0-9+.-]{0,15}:\/\/)[^\s/?#"']{1,512}@/gi;
const urlSignature =
  /([?&;](?:x-(?:amz|goog)-[a-z-]+|sig|signature|(?:access_?)?token|api_?key|key|password|secret)=)[^&\s"'#]+/gi;
/** The signed token of an object's URL. */
const urlToken = /(\/v1\/objects\/)[a-z0-9_-]+(?:\.[a-z0-9_-]*)?/gi;
const bearer = /\b(bearer|basic)(\s+)[a-z0-9._~+/=-]{20,}/gi;
const privateKey =
  /-----BEGIN [A-Z ]{0,20}PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]{0,20}PRIVATE KEY-----|$)/g;

function maskPatterns(text: string): string {
  let masked = text;
  if (masked.includes('://')) masked = masked.replace(urlUser, `$1${redacted}@`);
  if (masked.includes('/v1/objects/')) masked = masked.replace(urlToken, `$1${redacted}`);
  if (masked.includes('=')) masked = masked.replace(urlSignature, `$1${redacted}`);
  if (masked.includes('PRIVATE KEY')) masked = masked.replace(privateKey, redacted);
  return masked.replace(bearer, `$1$2${redacted}`);
}
