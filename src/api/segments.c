/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "api/internal.h"
#include "base/json.h"
#include "base/timetext.h"
#include "store/eventlog.h"
#include "store/segments.h"

/* The log's own files: their list, and their octets as they are, to be verified elsewhere. */

static enum MHD_Result no_log(struct request *q)
{
	return answer_error(q, MHD_HTTP_NOT_FOUND, NULL, "there is no event log here");
}

static void segment_json(int log_fd, const struct eventlog_segment *s, struct json *j)
{
	CLEANUP(segtext) struct segtext *text = NULL;
	char time[TIME_TEXT_SIZE], file[SEGMENT_FILE_SIZE];

	segment_file_format(s->name, s->sealed, file);
	json_open(j, NULL, '{');
	json_text(j, "name", file);
	json_u64(j, "first_seq", s->first_seq);
	json_bool(j, "sealed", s->sealed);
	json_u64(j, "size", s->size);
	if (!s->sealed)
		json_u64(j, "text_size", s->size);
	else if (segtext_open(log_fd, s->name, &text) == 0)
		json_u64(j, "text_size", segtext_size(text));
	else
		json_none(j, "text_size");
	json_text(j, "modified", time_format(s->modified_us, time));
	json_close(j, '}');
}

enum MHD_Result handle_segments(struct request *q)
{
	CLEANUP_BUF struct buf out = { 0 };
	struct eventlog_segment *segments = NULL;
	bool lines = request_wants_lines(q);
	size_t n = 0;
	int log_fd, r;

	if (q->api->options.state_fd < 0)
		return no_log(q);
	log_fd = segments_open_dir(q->api->options.state_fd);
	r = log_fd < 0 ? log_fd : segments_list(log_fd, &segments, &n);
	if (r < 0 && log_fd >= 0)
		(void)close(log_fd);
	if (r < 0)
		return answer_error(q, MHD_HTTP_INTERNAL_SERVER_ERROR, NULL,
			"the log directory can't be read: %s", strerror(-r));
	if (!lines)
		buf_text(&out, "{\"items\":[");
	for (size_t i = 0; i < n; i++) {
		struct json j;

		if (i > 0 && !lines)
			buf_char(&out, ',');
		json_init(&j, &out);
		segment_json(log_fd, &segments[i], &j);
		if (lines)
			buf_char(&out, '\n');
	}
	free(segments);
	(void)close(log_fd);
	if (!lines)
		buf_printf(&out, "],\"total\":%zu}\n", n);
	return answer_buf(q, MHD_HTTP_OK, &out, lines ? "application/x-ndjson" : NULL, n);
}

enum MHD_Result handle_segment(struct request *q)
{
	struct MHD_Response *response;
	enum MHD_Result answer;
	char name[SEGMENT_NAME_SIZE];
	uint64_t size;
	bool sealed;
	int log_fd, fd;

	if (q->api->options.state_fd < 0)
		return no_log(q);
	if (!segment_file_parse(q->tail, name, &sealed))
		return answer_error(q, MHD_HTTP_NOT_FOUND, "see /api/v1/log/segments",
			"'%.60s' is no segment", q->tail);
	if (!request_logged(q, ACCESS_LOG_EXPORTED, q->tail, false, &answer))
		return answer;
	log_fd = segments_open_dir(q->api->options.state_fd);
	fd = log_fd < 0 ? log_fd : segment_file_open(log_fd, q->tail, &size);
	if (log_fd >= 0)
		close(log_fd);
	if (fd < 0)
		return answer_error(q,
			fd == -ENOENT ? MHD_HTTP_NOT_FOUND : MHD_HTTP_INTERNAL_SERVER_ERROR,
			"see /api/v1/log/segments", "%s: %s", q->tail, strerror(-fd));
	response = MHD_create_response_from_fd64(size, fd);
	if (!response)
		close(fd);
	return answer_response(
		q, MHD_HTTP_OK, response, sealed ? "application/zstd" : "application/x-ndjson");
}
