import type { LinkConflict, LinkRow, Opinion } from "../../api.ts";
import { percent, rate } from "../../format.ts";
import { harmless } from "../../i18n/index.ts";
import { t } from "../../i18n/console.ts";

/** "Gi0/0/0 của Router A" of an end. */
export function endWords(end: { name: string; interface: string }): string {
  return end.interface === "" ? harmless(end.name) : t("map.end", { interface: harmless(end.interface), name: harmless(end.name) });
}

/** Load and capacity of a link in words. */
export function loadWords(link: LinkRow): string {
  if (link.health === "critical") return t("map.capacity_only", { capacity: rate(link.capacity_bps) });
  if (link.load_percent === undefined) return link.capacity_bps > 0 ? t("map.capacity", { capacity: rate(link.capacity_bps) }) : t("map.load_unknown");
  return t("map.load", { percent: percent(link.load_percent), capacity: rate(link.capacity_bps) });
}

/** Where a link is known from. */
export function sourceWords(link: LinkRow): string {
  return link.sources.map((source) => t(`link.source.${source}`)).join(", ");
}

function opinionWords(opinion: Opinion): string {
  const who = opinion.by ? t("map.opinion.by", { source: t(`link.source.${opinion.source}`), name: harmless(opinion.by.name) }) : t(`link.source.${opinion.source}`);
  return opinion.far ? t("map.opinion", { who, far: endWords(opinion.far) }) : t("map.opinion.nobody", { who });
}

/** The sentence of a conflict; the opinion that is followed comes first. */
export function conflictWords(conflict: LinkConflict): { title: string; opinions: string[] } {
  return { title: t(`map.conflict.${conflict.kind}`, { at: endWords(conflict.at) }), opinions: conflict.opinions.map(opinionWords) };
}
