import type { ComponentChildren } from "preact";
import { t } from "../i18n/console.ts";
import type { may } from "../session.ts";
import { Home } from "./home.tsx";

interface Page {
  needs: Parameters<typeof may>[0];
  title: () => string;
  show: () => ComponentChildren;
}

type Route = [pattern: RegExp, page: (...parts: string[]) => Page];

const ROUTES: Route[] = [
  [/^\/$/, () => ({ needs: "read", title: () => t("home.title"), show: () => <Home /> })],
];

/** The page of a path, or undefined. A trailing slash is the same page. */
export function pageAt(path: string): Page | undefined {
  const plain = path.length > 1 ? path.replace(/\/+$/, "") : path;
  for (const [pattern, page] of ROUTES) {
    const match = pattern.exec(plain);
    if (!match) continue;
    try {
      return page(...match.slice(1).map(decodeURIComponent));
    } catch {
      return undefined; // a malformed %-escape
    }
  }
  return undefined;
}
