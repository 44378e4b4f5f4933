export { WebdavHandler, type WebdavOptions, type WebdavStatistics } from './handler.ts';
export { emptyResponse, HttpError, textResponse, type WebdavRequest, type WebdavResponse } from './messages.ts';
export { encodeSegment } from './paths.ts';
