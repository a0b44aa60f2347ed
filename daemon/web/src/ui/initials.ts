const PREFIXES = /^(xã|phường|thị trấn|thị xã|huyện|thành phố|tp\.?|tỉnh|sở|ubnd|ban|phòng|đặc khu|khu vực|trung tâm|điểm cầu)\s+/iu;

/** One or two letters for a site without a picture: of the name itself, not of "xã" or "phường". */
export function initials(name: string): string {
  let rest = name.trim();
  for (let round = 0; round < 3 && PREFIXES.test(rest); round += 1) rest = rest.replace(PREFIXES, "");
  const words = rest.split(/\s+/).filter((word) => /\p{L}|\p{N}/u.test(word));
  const first = (word: string | undefined) => [...(word ?? "")].find((letter) => /\p{L}|\p{N}/u.test(letter)) ?? "";
  return (first(words[0]) + (words.length > 1 ? first(words[words.length - 1]) : "")).toLocaleUpperCase("vi");
}
