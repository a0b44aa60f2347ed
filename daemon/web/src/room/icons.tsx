const LINE = { fill: "none", stroke: "currentColor", "stroke-width": 1.8, "stroke-linecap": "round", "stroke-linejoin": "round" } as const;

const PATHS = {
  mic: "M12 3a3 3 0 0 0-3 3v5a3 3 0 0 0 6 0V6a3 3 0 0 0-3-3ZM6 11a6 6 0 0 0 12 0M12 17v4M9 21h6",
  mic_off: "M15 10V6a3 3 0 0 0-6-.5M9 9v2a3 3 0 0 0 4.7 2.5M6 11a6 6 0 0 0 9.6 4.8M18 11c0 .8-.1 1.4-.4 2M12 17v4M9 21h6M4 4l16 16",
  cam: "M3 7h12v10H3zM15 11l6-3.5v9L15 13",
  cam_off: "M9 7h6v6M15 15.5V17H3V7h2M15 11l6-3.5v9l-3.5-2M4 4l16 16",
  hand: "M8 12V6a1.5 1.5 0 0 1 3 0v5V4.5a1.5 1.5 0 0 1 3 0V11V6a1.5 1.5 0 0 1 3 0v8a6 6 0 0 1-6 6c-2.5 0-4-1.2-5-3l-2.6-4.3a1.5 1.5 0 0 1 2.6-1.5L8 13.5",
  leave: "M14 4H5v16h9M10 12h11M17.5 8.5 21 12l-3.5 3.5",
  people: "M9 11a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7ZM2.5 20a6.5 6.5 0 0 1 13 0M16 4.5a3.5 3.5 0 0 1 0 6.5M18 14.5a6.5 6.5 0 0 1 3.5 5.5",
  devices: "M4 7h10M18 7h2M4 17h2M10 17h10M16 9.5a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5ZM8 19.5a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5Z",
  share: "M4 5h16v11H4zM9 20h6M12 13V8M9.5 10.5 12 8l2.5 2.5",
  share_off: "M4 5h16v11H4zM9 20h6M9.5 8.5l5 4M14.5 8.5l-5 4",
  screen: "M4 5h16v11H4zM9 20h6M12 16v4",
  paper: "M7 3h7l4 4v14H7zM14 3v4h4M10 12h5M10 16h5",
  conduct: "M4 5h16M4 10h16M4 15h9M16 18l2 2 4-4.5",
  pin: "M9 4h6l-1 6 3 3H7l3-3zM12 13v7",
  full: "M4 9V4h5M15 4h5v5M20 15v5h-5M9 20H4v-5",
  left: "m14.5 6-6 6 6 6",
  right: "m9.5 6 6 6-6 6",
} as const;

export type IconName = keyof typeof PATHS;

/** A line drawing beside its word; never alone where it carries meaning. */
export function Icon({ name }: { name: IconName }) {
  return <svg class="icon" viewBox="0 0 24 24" aria-hidden="true"><path d={PATHS[name]} {...LINE} /></svg>;
}
