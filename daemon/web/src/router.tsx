import type { ComponentChildren } from "preact";
import { Cell, useCell } from "./cell.ts";

export interface Place {
  path: string;
  query: URLSearchParams;
}

const read = (): Place => ({ path: location.pathname, query: new URLSearchParams(location.search) });

export const place = new Cell<Place>({ path: "/", query: new URLSearchParams() });

/** Call once before the first render. */
export function startRouter(): void {
  place.value = read();
  addEventListener("popstate", () => (place.value = read()));
}

export function go(address: string, replace = false): void {
  history[replace ? "replaceState" : "pushState"](null, "", address);
  const samePath = read().path === place.value.path;
  place.value = read();
  if (!samePath) scrollTo(0, 0);
}

/** A filter or tab of the page, kept in the address so that a link shows the same view. */
export function useQuery(name: string, fallback = ""): [string, (value: string) => void] {
  const { query } = useCell(place);
  const write = (value: string) => {
    const next = new URLSearchParams(location.search);
    if (value === fallback) next.delete(name);
    else next.set(name, value);
    const text = next.toString();
    go(location.pathname + (text === "" ? "" : `?${text}`), true);
  };
  return [query.get(name) ?? fallback, write];
}

interface LinkProps {
  href: string;
  class?: string;
  current?: boolean;
  children: ComponentChildren;
  test?: string;
}

/** An anchor that changes page without loading; modified clicks stay the browser's. */
export function Link({ href, class: name, current, children, test }: LinkProps) {
  return (
    <a
      href={href}
      class={name}
      aria-current={current ? "page" : undefined}
      data-test={test}
      onClick={(event: MouseEvent) => {
        if (event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
        event.preventDefault();
        go(href);
      }}
    >
      {children}
    </a>
  );
}
