// How strongly the heat map lies over its picture.
for (const slider of document.querySelectorAll("[data-opacity]")) {
  const heat = slider.closest("figure").querySelector(".heat");
  const show = () => { heat.style.opacity = slider.value / 100; };
  slider.addEventListener("input", show);
  show();
}
