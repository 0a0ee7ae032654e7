'use strict';
(function () {
  var data = JSON.parse(document.getElementById('data').textContent);
  var palette = ['#0072b2', '#d55e00', '#009e73', '#cc79a7', '#e69f00', '#56b4e9', '#7a6fbe', '#8a8f98'];
  var charts = [];

  function colour(name) {
    return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  }

  /** Each engine has its colour throughout. */
  function of(engine) {
    return palette[data.engines.indexOf(engine) % palette.length];
  }

  /** A grey band from one value to another, and a line at one: what lies within is noise. */
  var noiseBand = {
    id: 'noise',
    beforeDatasetsDraw: function (chart, args, options) {
      if (!options.from) { return; }
      var area = chart.chartArea, y = chart.scales.y, context = chart.ctx;
      var top = y.getPixelForValue(options.to), bottom = y.getPixelForValue(options.from), one = y.getPixelForValue(1);
      context.save();
      context.fillStyle = colour('--band');
      context.fillRect(area.left, top, area.right - area.left, Math.max(1, bottom - top));
      context.strokeStyle = colour('--soft');
      context.setLineDash([4, 4]);
      context.beginPath();
      context.moveTo(area.left, one);
      context.lineTo(area.right, one);
      context.stroke();
      context.restore();
    }
  };

  /** Whiskers from the low to the high end of each interval; the bars are the medians, drawn from one. */
  var whiskers = {
    id: 'whiskers',
    afterDatasetsDraw: function (chart, args, options) {
      if (!options.on) { return; }
      var y = chart.scales.y, context = chart.ctx;
      context.save();
      context.strokeStyle = colour('--ink');
      context.lineWidth = 1.5;
      chart.data.datasets.forEach(function (set, s) {
        chart.getDatasetMeta(s).data.forEach(function (bar, i) {
          var interval = set.intervals[i];
          if (!interval || interval[0] === interval[1]) { return; }
          var low = y.getPixelForValue(interval[0]), high = y.getPixelForValue(interval[1]);
          context.beginPath();
          context.moveTo(bar.x, low);
          context.lineTo(bar.x, high);
          context.moveTo(bar.x - 4, low);
          context.lineTo(bar.x + 4, low);
          context.moveTo(bar.x - 4, high);
          context.lineTo(bar.x + 4, high);
          context.stroke();
        });
      });
      context.restore();
    }
  };

  function scale(title, more) {
    return Object.assign({
      title: { display: true, text: title, color: colour('--soft') },
      ticks: { color: colour('--soft') },
      grid: { color: colour('--line') },
      border: { color: colour('--line') }
    }, more || {});
  }

  function draw(id, type, labels, datasets, x, y, plugins) {
    var canvas = document.getElementById(id);
    if (!canvas) { return; }
    charts.push(new Chart(canvas, {
      type: type,
      data: { labels: labels, datasets: datasets },
      options: {
        animation: false,
        maintainAspectRatio: false,
        scales: { x: x, y: y },
        plugins: Object.assign({
          legend: { position: 'bottom', labels: { color: colour('--ink'), boxWidth: 14 } }
        }, plugins || {})
      },
      plugins: [noiseBand, whiskers]
    }));
  }

  function line(engine, values) {
    return { label: engine, data: values, borderColor: of(engine), backgroundColor: of(engine), spanGaps: true, pointRadius: 4, borderWidth: 2 };
  }

  /** Room for every whisker and the band, and no more: left alone, a logarithmic scale begins at a power of ten. */
  function bounds(group) {
    var all = [1].concat(data.noise.cpu || []);
    group.engines.forEach(function (e) {
      e.ratio.forEach(function (r) { if (r) { all.push(r[0], r[2]); } });
      e.rounds.forEach(function (values) { all = all.concat(values); });
    });
    return { min: Math.min.apply(null, all) * 0.93, max: Math.max.apply(null, all) * 1.07 };
  }

  function noise(metric) {
    return data.noise[metric] ? { from: data.noise[metric][0], to: data.noise[metric][1] } : {};
  }

  function drawAll() {
    charts.forEach(function (chart) { chart.destroy(); });
    charts = [];
    data.groups.forEach(function (group, g) {
      var labels = group.connections.map(String);
      draw('ratio-' + g, 'bar', labels, group.engines.filter(function (e) { return !e.base; }).map(function (e) {
        return {
          label: e.name,
          data: e.ratio.map(function (r) { return r && [Math.min(1, r[1]), Math.max(1, r[1])]; }),
          intervals: e.ratio.map(function (r) { return r && [r[0], r[2]]; }),
          backgroundColor: of(e.engine) + (e.control ? '66' : ''),
          borderSkipped: false
        };
      }), scale('connections'), scale('times ' + data.first + ' (logarithmic)', { type: 'logarithmic', min: bounds(group).min, max: bounds(group).max, ticks: {
        color: colour('--soft'), callback: function (v) { return Number(v.toPrecision(2)) === v ? v : ''; } } }),
      { noise: noise('cpu'), whiskers: { on: true }, tooltip: { callbacks: { label: function (item) {
        var r = item.dataset.intervals[item.dataIndex], v = item.dataset.data[item.dataIndex];
        return item.dataset.label + ': ' + (v[0] === 1 ? v[1] : v[0]).toFixed(2) + ' [' + r[0].toFixed(2) + ' to ' + r[1].toFixed(2) + ']';
      } } } });

      var measured = group.engines.filter(function (e) { return !e.control; });
      draw('cpu-' + g, 'line', labels, measured.map(function (e) { return line(e.name, e.cpu); }),
        scale('connections'), scale('µs', { beginAtZero: true }));
      draw('rate-' + g, 'line', labels, measured.map(function (e) { return line(e.name, e.rate); }),
        scale('connections'), scale('requests/s', { beginAtZero: true }));

      draw('dots-' + g, 'scatter', undefined, group.engines.filter(function (e) { return !e.base; }).map(function (e, i, all) {
        var points = [];
        e.rounds.forEach(function (values, c) {
          values.forEach(function (v) { points.push({ x: c + (i - (all.length - 1) / 2) * 0.6 / Math.max(1, all.length), y: v }); });
        });
        return { label: e.name, data: points, backgroundColor: of(e.engine) + (e.control ? '88' : ''), pointRadius: 4,
          pointStyle: e.control ? 'crossRot' : 'circle', borderColor: of(e.engine) };
      }), scale('connections', { min: -0.5, max: labels.length - 0.5, ticks: { color: colour('--soft'), stepSize: 1,
        autoSkip: false, callback: function (v) { return Number.isInteger(v) ? labels[v] : ''; } },
        afterBuildTicks: function (axis) { axis.ticks = labels.map(function (l, i) { return { value: i }; }); } }),
      scale('times ' + data.first + ' (logarithmic)', { type: 'logarithmic', min: bounds(group).min, max: bounds(group).max, ticks: {
        color: colour('--soft'), callback: function (v) { return Number(v.toPrecision(2)) === v ? v : ''; } } }), { noise: noise('cpu') });

      group.connections.forEach(function (count, c) {
        draw('latency-' + g + '-' + c, 'line', data.percentiles, measured.filter(function (e) { return e.latency[c]; }).map(function (e) {
          return line(e.name, e.latency[c]);
        }), scale('percentile'), scale('ms (logarithmic)', { type: 'logarithmic', ticks: {
          color: colour('--soft'), callback: function (v) { return /^[1]0*$|^0\.0*1$/.test(String(v)) ? v : ''; } } }));
      });
    });
    if (data.idle.length) {
      draw('idle', 'bar', data.idle.map(function (e) { return e.engine; }), [
        { label: 'heap', data: data.idle.map(function (e) { return e.heap; }), backgroundColor: palette[0] },
        { label: 'resident', data: data.idle.map(function (e) { return e.rss; }), backgroundColor: palette[4] }
      ], scale('engine'), scale('bytes (logarithmic)', { type: 'logarithmic', ticks: {
        color: colour('--soft'), callback: function (v) { return /^[1]0*$/.test(String(v)) ? v.toLocaleString('en') : ''; } } }));
    }
  }

  drawAll();
  window.matchMedia('(prefers-color-scheme: dark)').addEventListener('change', drawAll);
  document.documentElement.dataset.charts = String(charts.length);
})();
