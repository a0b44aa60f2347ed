/** Folds case, tone marks and đ, so that "tra giang" finds "Trà Giang". */
export function fold(text: string): string {
  return text
    .normalize("NFD")
    .replace(/[\u0300-\u036f]/g, "")
    .toLowerCase()
    .replace(/đ/g, "d");
}

/** Every word of the query occurs somewhere in the fields. An empty query matches all. */
export function matches(query: string, ...fields: (string | undefined)[]): boolean {
  const folded = fold(query).split(/\s+/).filter(Boolean);
  if (folded.length === 0) return true;
  const text = fold(fields.filter(Boolean).join(" "));
  return folded.every((word) => text.includes(word));
}
