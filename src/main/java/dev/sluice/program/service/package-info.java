/** The handlers that the program serves, ready to use or to read. */
package dev.sluice.program.service;
