import { Output } from './output.ts';

/** The program's two outputs. What is written waits in them until `flush`, which the program calls at its end. */
export const stdout = new Output(1);
export const stderr = new Output(2);
