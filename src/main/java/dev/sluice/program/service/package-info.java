/** The services of the program: handlers to use, or to read as examples. */
package dev.sluice.program.service;
