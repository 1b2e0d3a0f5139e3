
(function () {
  "use strict";
  var PAGE = 100;
  var RANK = {critical: 5, high: 4, medium: 3, low: 2, negligible: 1, unknown: 0};
  var all = JSON.parse(document.getElementById("data").textContent).findings;
  var $ = function (id) { return document.getElementById(id); };
  var rows = $("rows"), q = $("q"), shown = PAGE, matching = all, sort = {by: "", down: false}, open = new Set();

  // Untrusted text becomes a page only by textContent: nothing here writes HTML.
  function el(name, cls, text) {
    var e = document.createElement(name);
    if (cls) e.className = cls;
    if (text !== undefined) e.textContent = text;
    return e;
  }
  all.forEach(function (f, i) {
    f.at = i;
    f.text = [f.i, (f.a || []).join(" "), f.n, f.v, f.t, f.w, f.o, (f.p || []).join(" "), f.z, f.y, f.s].join("\n").toLowerCase();
  });
  function values(key) {
    return Array.from(new Set(all.map(function (f) { return f[key]; }))).sort();
  }
  function fill(select, list) {
    list.forEach(function (v) {
      var o = el("option", "", v);
      o.value = v;
      select.append(o);
    });
  }
  fill($("status"), values("z"));
  fill($("type"), values("t"));
  var chips = values("s").sort(function (a, b) { return RANK[b] - RANK[a]; }).map(function (s) {
    var b = el("button", "chip sev " + s, s);
    b.type = "button";
    b.setAttribute("aria-pressed", "true");
    b.addEventListener("click", function () {
      b.setAttribute("aria-pressed", String(b.getAttribute("aria-pressed") !== "true"));
      filter();
    });
    $("severities").append(b);
    return {name: s, button: b};
  });

  function filter() {
    var words = q.value.toLowerCase().split(/\s+/).filter(Boolean), status = $("status").value, type = $("type").value;
    var fixable = $("fixable").checked, fresh = $("new") && $("new").checked, on = {};
    chips.forEach(function (c) { on[c.name] = c.button.getAttribute("aria-pressed") === "true"; });
    matching = all.filter(function (f) {
      return on[f.s] && (!status || f.z === status) && (!type || f.t === type) && (!fixable || f.x) && (!fresh || f.q) &&
        words.every(function (w) { return f.text.indexOf(w) >= 0; });
    });
    if (sort.by) matching.sort(compare);
    shown = PAGE;
    draw();
  }
  function compare(a, b) {
    var key = sort.by, x = key === "s" ? RANK[a.s] : a[key] || (key === "e" ? 0 : ""), y = key === "s" ? RANK[b.s] : b[key] || (key === "e" ? 0 : "");
    var c = typeof x === "number" ? x - y : String(x).localeCompare(String(y), "en", {numeric: true});
    return (sort.down ? -c : c) || a.at - b.at;
  }

  function cell(tr, cls) {
    var td = el("td", cls);
    tr.append(td);
    return td;
  }
  function row(f) {
    var tr = el("tr", "row");
    tr.tabIndex = -1;
    tr.dataset.at = f.at;
    tr.setAttribute("aria-expanded", "false");
    cell(tr).append(el("span", "sev " + f.s, f.s));
    var id = cell(tr);
    id.append(el("span", "id", f.i));
    if (f.k) id.append(el("span", "flag", "exploited"));
    if (f.q) id.append(el("span", "flag new", "new"));
    var name = cell(tr);
    name.append(el("span", "name", f.n), " ", el("span", "version", f.v), " ", el("small", "", f.t));
    cell(tr).textContent = f.f;
    cell(tr).textContent = f.e ? (f.e * 100).toFixed(1) + "%" : "";
    var where = cell(tr, "where");
    where.textContent = f.w || "";
    if (f.l) where.append(el("span", "flag layer", f.l));
    cell(tr).append(el("span", "pill " + f.z, f.z));
    return tr;
  }
  function pair(dl, name, value) {
    if (!value) return;
    dl.append(el("dt", "", name));
    var dd = el("dd");
    dd.append(value);
    dl.append(dd);
  }
  function detail(f) {
    var tr = el("tr", "detail"), td = cell(tr), dl = el("dl");
    td.colSpan = 7;
    pair(dl, "Judgement", f.z + ": " + f.y);
    if (f.p) {
      var path = el("div", "path");
      f.p.forEach(function (step, i) {
        if (i) path.append(el("i", "", "›"));
        path.append(el("span", "", step));
      });
      pair(dl, "Comes in by", path);
    }
    pair(dl, "In the image", f.w);
    pair(dl, "Layers", f.l && (f.l === "base" ? "of the base image" : "of its own"));
    pair(dl, "In the repository", f.o);
    pair(dl, "Also known as", (f.a || []).join(", "));
    pair(dl, "About", f.d);
    if (f.u) {
      var links = el("div");
      f.u.forEach(function (u) {
        if (!/^https?:\/\//.test(u)) return;
        var a = el("a", "", u);
        a.href = u;
        a.rel = "noopener noreferrer";
        links.append(a, el("br"));
      });
      pair(dl, "More", links);
    }
    td.append(dl);
    return tr;
  }
  function toggle(tr, to) {
    var at = Number(tr.dataset.at), is = tr.getAttribute("aria-expanded") === "true";
    if (to === is) return;
    if (is) {
      tr.nextSibling.remove();
      open.delete(at);
    } else {
      tr.after(detail(all[at]));
      open.add(at);
    }
    tr.setAttribute("aria-expanded", String(!is));
  }
  function draw() {
    var part = document.createDocumentFragment();
    matching.slice(0, shown).forEach(function (f) {
      var tr = row(f);
      part.append(tr);
      if (open.has(f.at)) {
        tr.setAttribute("aria-expanded", "true");
        part.append(detail(f));
      }
    });
    rows.replaceChildren(part);
    if (rows.firstChild) rows.firstChild.tabIndex = 0;
    $("count").textContent = matching.length + " of " + all.length + " findings" + (matching.length > shown ? ", the first " + shown + " shown" : "");
    var left = matching.length - shown;
    $("more").hidden = left <= 0;
    $("more").textContent = "Show " + Math.min(left, PAGE) + " more";
  }

  [$("status"), $("type"), $("fixable"), $("new")].forEach(function (e) { if (e) e.addEventListener("change", filter); });
  var wait;
  q.addEventListener("input", function () {
    clearTimeout(wait);
    wait = setTimeout(filter, all.length > 1000 ? 120 : 0);
  });
  $("more").addEventListener("click", function () {
    var first = shown;
    shown += PAGE;
    draw();
    var list = rows.querySelectorAll("tr.row");
    if (list[first]) focus(list[first]);
  });
  document.querySelectorAll("th button").forEach(function (b) {
    b.addEventListener("click", function () {
      var by = b.dataset.by, first = by === "s" || by === "e"; // the worst first
      sort = sort.by === by ? {by: by, down: !sort.down} : {by: by, down: first};
      document.querySelectorAll("#table th").forEach(function (th) { th.setAttribute("aria-sort", "none"); });
      b.parentNode.setAttribute("aria-sort", sort.down ? "descending" : "ascending");
      filter();
    });
  });
  rows.addEventListener("click", function (e) {
    var tr = e.target.closest("tr.row");
    if (!tr || e.target.closest("a") || String(getSelection())) return;
    focus(tr);
    toggle(tr);
  });
  function focus(tr) {
    rows.querySelectorAll('tr.row[tabindex="0"]').forEach(function (o) { o.tabIndex = -1; });
    tr.tabIndex = 0;
    tr.focus();
  }
  function step(from, by) {
    var list = Array.from(rows.querySelectorAll("tr.row")), i = list.indexOf(from) + by;
    if (list[i]) focus(list[i]);
    else if (i < 0) q.focus();
  }
  document.addEventListener("keydown", function (e) {
    var tr = document.activeElement.closest && document.activeElement.closest("tr.row"), typing = /^(INPUT|SELECT|TEXTAREA)$/.test(document.activeElement.tagName);
    if (e.ctrlKey || e.metaKey || e.altKey) return;
    if (e.key === "/" && !typing) {
      e.preventDefault();
      q.focus();
      q.select();
    } else if (e.key === "Escape") {
      if (tr && tr.getAttribute("aria-expanded") === "true") toggle(tr, false);
      else if (q.value) { q.value = ""; filter(); }
      else document.activeElement.blur();
    } else if (e.key === "ArrowDown" && (tr || document.activeElement === q || !typing && document.activeElement === document.body)) {
      if (!tr && document.activeElement === document.body) return;
      e.preventDefault();
      step(tr, 1);
    } else if (e.key === "ArrowUp" && tr) {
      e.preventDefault();
      step(tr, -1);
    } else if ((e.key === "Enter" || e.key === " ") && tr) {
      e.preventDefault();
      toggle(tr);
    }
  });

  var root = document.documentElement;
  try { if (localStorage.getItem("stepseal-theme")) root.dataset.theme = localStorage.getItem("stepseal-theme"); } catch (e) { /* a file has none */ }
  $("theme").addEventListener("click", function () {
    var dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    root.dataset.theme = dark ? "light" : "dark";
    try { localStorage.setItem("stepseal-theme", root.dataset.theme); } catch (e) { /* not kept, then */ }
  });

  if (all.length) {
    $("tools").hidden = $("table").hidden = $("keys").hidden = false;
    filter();
  } else {
    $("count").textContent = "No findings to show.";
  }
})();
