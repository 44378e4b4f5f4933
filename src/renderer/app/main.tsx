import { connectApp, connectHost, sourcesOfFiles } from './connection.ts';
import { start } from './start.tsx';

start({ app: await connectApp(), connectHost, sourcesOfFiles });
