/** Reports of measurements, for people and for programs: text, JSON, CSV, Markdown, HTML. */
package dev.sluice.program.bench.report;
