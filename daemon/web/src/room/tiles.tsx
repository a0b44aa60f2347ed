import { useEffect, useRef, useState } from "preact/hooks";
import { r } from "../i18n/room.ts";
import { Icon } from "./icons.tsx";
import type { Seat, SeatState } from "./seat.ts";
import { Tile, largeOf } from "./stage.tsx";
import { pageOf, tileOrder, tilesThatFit } from "./tiling.ts";

/** A page of the other sites. What is not on it is not sent. */
export function Tiles({ seat, state }: { seat: Seat; state: SeatState }) {
  const box = useRef<HTMLDivElement>(null);
  const [size, setSize] = useState(() => fit());
  const [wanted, setWanted] = useState(0);
  useEffect(() => {
    const measure = () => setSize(fit(box.current));
    measure();
    const observer = new ResizeObserver(measure);
    if (box.current) observer.observe(box.current);
    addEventListener("resize", measure);
    return () => {
      observer.disconnect();
      removeEventListener("resize", measure);
    };
  }, []);
  const large = largeOf(state);
  const { shown, page, pages } = pageOf(tileOrder(state.participants, state.self?.id, large?.id), wanted, size);
  const ids = shown.map((one) => one.id);
  const key = ids.join(" ");
  useEffect(() => seat.see(state.pinned, ids), [key, state.pinned]);
  return (
    <aside class="tiles" ref={box} aria-label={r("tiles")} data-test="tiles">
      <div class="tiles-page">{shown.map((one) => <Tile key={one.id} seat={seat} state={state} one={one} />)}</div>
      {pages > 1 && (
        <div class="tiles-pager">
          <button type="button" class="icon-button" aria-label={r("tiles.previous")} data-test="tiles-previous" disabled={page === 0} onClick={() => setWanted(page - 1)}><Icon name="left" /></button>
          <span class="num">{r("tiles.page", { page: page + 1, pages })}</span>
          <button type="button" class="icon-button" aria-label={r("tiles.next")} data-test="tiles-next" disabled={page === pages - 1} onClick={() => setWanted(page + 1)}><Icon name="right" /></button>
        </div>
      )}
    </aside>
  );
}

function fit(box?: HTMLElement | null): number {
  const scale = parseFloat(getComputedStyle(document.documentElement).fontSize) / 16;
  return tilesThatFit(innerWidth / scale, (box?.clientHeight ?? innerHeight - 160) / scale);
}
