for (const pair of document.querySelectorAll(".pair")) {
  const slider = pair.querySelector("input");
  slider.addEventListener("input", () => pair.style.setProperty("--at", slider.value + "%"));
}
for (const turn of document.querySelectorAll(".turn")) {
  const slider = turn.querySelector("input"), frames = turn.querySelector(".frames"), images = frames.children;
  const show = (at) => {
    slider.value = at;
    for (let i = 0; i < images.length; i++) images[i].classList.toggle("now", i === at);
  };
  let from = null;
  slider.addEventListener("input", () => show(Number(slider.value)));
  frames.addEventListener("pointerdown", (event) => { from = { x: event.clientX, at: Number(slider.value) }; });
  window.addEventListener("pointerup", () => { from = null; });
  window.addEventListener("pointercancel", () => { from = null; });
  window.addEventListener("pointermove", (event) => {
    if (!from) return;
    const moved = Math.round((event.clientX - from.x) / frames.clientWidth * images.length);
    show((((from.at - moved) % images.length) + images.length) % images.length);
  });
  frames.addEventListener("dragstart", (event) => event.preventDefault());
  turn.classList.add("ready");
  show(0);
}
